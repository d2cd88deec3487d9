"""Every kind of fault shows on the page of the meter and of the concentrator that it hits: by what
the head-end heard, and, where a simulation's log is at hand, by its name beside that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args, get_type_hints

import pytest
from typer.testing import CliRunner

from scenarios.engine import run
from scenarios.fault_spec import SURROUNDINGS, FaultSpec, where
from scenarios.schema import parse
from tools.cli import app

NOTHING = ""  # the head-end cannot hear of it, or the device is not told of


class Shown(NamedTuple):
    """What a fault takes, what is asked of the meter meanwhile, and words on the two pages."""

    keys: str
    asked: str
    meter: str
    concentrator: str
    truth: str


LIMIT = "set-limit"
AWAY = "off line"
KINDS: dict[str, Shown] = {
    # of a meter
    "meter-silent": Shown(
        "", LIMIT, "the meter does not answer", "meter-does-not-answer", "SilentMeter"
    ),
    "meter-refuses": Shown(
        "", LIMIT, "the meter refused: read-write-denied", "refused-read-write-denied",
        "RefusesLimit",
    ),
    "meter-ignores": Shown(
        "", LIMIT, "the meter does not show its effect", "not-applied", "IgnoresLimit"
    ),
    "meter-emergency": Shown(
        "", LIMIT, "an emergency profile is active", "emergency-profile-active", "EmergencyActive"
    ),
    "meter-wrong-key": Shown(
        "", LIMIT, "authentication-failure (13)", "wrong-key-or-counter", "WrongKey"
    ),
    "meter-counter": Shown(
        "", LIMIT, "the meter rejected the key or the invocation counter", NOTHING,
        "RolledBackCounter",
    ),
    "meter-clock": Shown(
        "step_s = 3600", "clock", "its clock is 3,600 s ahead", NOTHING, "MeterClockWrong"
    ),
    "meter-stuck-relay": Shown("", "disconnect", "not show its effect", "not-applied", "Stuck"),
    "meter-stuck-load-relay": Shown(
        "", "load-off", "not show its effect", "not-applied", "StuckLoadRelay"
    ),
    "meter-phase-loss": Shown(
        "phase = 2", "voltage-l2", "voltage-l2: 0.0 V", NOTHING, "PhaseLost"
    ),
    "meter-dirty": Shown(
        'dirt = "clock-twice"', "clock", "what it says of clock is dirty: trailing-octets", NOTHING,
        "Dirty",
    ),
    "meter-power-cut": Shown(
        "", LIMIT, "0.7.25.9.0.255, 0x1", "2 changes", "MeterPowerCut"
    ),
    "line-cut": Shown("", LIMIT, "cannot be reached: no answer", NOTHING, "LineCut"),
    # of links
    "meter-unreachable": Shown(
        "", LIMIT, "its module had no place in the network", "meter-unreachable", "ModuleOff"
    ),
    "packet-loss": Shown("share = 0.9", LIMIT, "too many frames were lost", "packet-loss", "Loss"),
    "noise": Shown(
        "snr_change_db = -60.0", LIMIT, "2 changes of its route", "2 changes", "Noise"
    ),
    # of concentrators
    "modem": Shown("", LIMIT, "modem: the modem does not answer AT", AWAY, "ModemFails"),
    "sim": Shown("", LIMIT, "the concentrator's SIM is", "sim: +CME ERROR: 103", "ModemFails"),
    "apn": Shown("", LIMIT, "PDP context rejected, cause 27", "apn: PDP context", "ModemFails"),
    "network": Shown("", LIMIT, "no network service", "network: +CME ERROR: 30", "ModemFails"),
    "silence": Shown("", LIMIT, "its session broke", AWAY, "NetworkSilent"),
    "power-cut": Shown("", LIMIT, "its session broke", "restarted: power returned", "PowerCut"),
    "reboot": Shown("", LIMIT, "its session broke", "restarted: watchdog", "Reboot"),
    "busy": Shown("", LIMIT, "the concentrator stayed busy", "concentrator-busy", "Busy"),
    "clock": Shown("step_s = 90", LIMIT, NOTHING, "shifted by -", "ClockWrong"),
    "cell-outage": Shown("", LIMIT, "no network service", "network: +CME ERROR: 30", "ModemFails"),
    "router-power-cut": Shown(
        "", LIMIT, "router: supply returned", "router: supply returned", "RouterPowerCut"
    ),
    "router-port-cut": Shown("", LIMIT, "Ethernet", "Ethernet", "RouterPortCut"),
    "router-modem": Shown("", LIMIT, "modem: the modem does not answer AT", AWAY, "ModemFails"),
    "router-sim": Shown(
        "", LIMIT, "the SIM is barred in the registry", "sim: +CME ERROR: 103", "ModemFails"
    ),
}  # fmt: skip
DIRECT = ("meter-counter", "line-cut")
"""Where only a client that remembers sees it, or a line is there."""


def only_one(number: int) -> tuple[str, str]:
    """A transformer's concentrator and the one meter behind it."""
    return f"C-{number:03d}", str(90_000_000 + number)


def story_of_all() -> str:
    """Each fault at a transformer of its own."""
    told = [
        'about = "Everything that may go wrong in the field, each at a device of its own."',
        'start = 2026-07-06T10:00:00\nduration = "1h30m"\nseed = 3',
        f"[field]\nmeters = {len(KINDS)}\nconcentrators = {len(KINDS)}",
        'router = "external"\noutages = "none"\ncell_size = 1\ngrid = false',
        "[expect]\norders = 1",
    ]
    for number, (kind, shown) in enumerate(KINDS.items(), 1):
        concentrator, meter = only_one(number)
        if kind in DIRECT:
            told.append(f'[[meter]]\nname = "{meter}"\ndirect = true')
            told.append(asked(meter, LIMIT, "2m"))
        target = meter if where(kind) in ("meter", "link") else concentrator
        target = meter if kind == "meter-unreachable" else target
        target = f"CELL-{number:03d}" if kind == "cell-outage" else target
        until = "75m" if kind == "clock" else "45m"  # it is measured once an hour
        told.append(
            f'[[fault]]\nkind = "{kind}"\ntarget = "{target}"\nat = "5m"\nuntil = "{until}"\n'
            f"{shown.keys}"
        )
        told.append(asked(meter, shown.asked, "12m"))
    return "\n".join(told)


def asked(meter: str, what: str, at: str) -> str:
    """An order or a read."""
    if what in (LIMIT, "disconnect", "load-off"):
        amount = 'amount = "3300"\n' if what == LIMIT else ""
        order = f'[[order]]\nat = "{at}"\nmeter = "{meter}"\nkind = "{what}"\ndeadline = "10m"\n'
        return order + amount
    return f'[[read]]\nat = "{at}"\nmeter = "{meter}"\nobjects = ["{what}"]'


def kept(story: str, folder: Path) -> Path:
    """The databases and the log of a story that was played."""
    folder.mkdir()
    told = run(parse(story), keep=folder)
    (folder / "world.jsonl").write_bytes(b"\n".join(told.world.log.lines))
    return folder


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield kept(story_of_all(), tmp_path_factory.mktemp("field") / "kept")


def explained(folder: Path, noun: str, name: str, *options: str) -> str:
    every = ["--all"] if noun == "concentrator" else []
    told = CliRunner().invoke(
        app,
        ["explain", noun, name, "--database", str(folder / "ami.db"), *every, *options],
        env={"COLUMNS": "400"},
    )
    assert told.exit_code == 0, told.output
    return told.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_the_field(kind: str, field: Path) -> None:
    shown = KINDS[kind]
    concentrator, meter = only_one([*KINDS].index(kind) + 1)
    truth = ("--truth", str(field / "world.jsonl"))
    for noun, name, words in (
        ("meter", meter, shown.meter),
        ("concentrator", concentrator, shown.concentrator),
    ):
        assert words in (page := explained(field, noun, name)), page
        assert "simulation" not in page, "what was not heard is not told"
        beside = explained(field, noun, name, *truth)
        if noun == "meter" or kind not in DIRECT:  # a direct meter is nobody's
            assert shown.truth in beside, beside
            assert "is over" in beside
        assert words in beside


def test_jamming(tmp_path: Path) -> None:
    """Its meters have no other way: the power line is too noisy."""
    folder = kept(
        """
about = "Somebody jams the radio."
start = 2026-07-06T10:00:00
duration = "1h10m"
seed = 3
[field]
meters = 2
radio = "868-50k"
outages = "none"
[[fault]]
kind = "noise"
target = "C-001"
snr_change_db = -80.0
[[fault]]
kind = "jamming"
target = "C-001"
power_dbm = 10.0
at = "5m"
until = "40m"
[[order]]
at = "15m"
meter = "90000001"
kind = "set-limit"
amount = "3300"
deadline = "10m"
[expect]
orders = 1
""",
        tmp_path / "kept",
    )
    truth = ("--truth", str(folder / "world.jsonl"))
    assert "its module had no place in the network" in explained(folder, "meter", "90000001")
    assert "meter-unreachable" in explained(folder, "concentrator", "C-001")
    for noun, name in (("meter", "90000001"), ("concentrator", "C-001")):
        assert "Jammed at C-001 begins" in explained(folder, noun, name, *truth)


AROUND = {
    # kind: (keys, words on the meter's page, on the concentrator's); nothing can write down that
    # the database is gone, and a broker's absence is nobody's fault in the field
    "callback-down": ("", "the reply of order 1 by soap came late: ConnectError", NOTHING),
    "callback-slow": ('delay = "2m"', "by soap came late: no complete answer", NOTHING),
    "callback-error": ("code = 500", "by soap came late: HTTP 500", NOTHING),
    "broker-down": ("", NOTHING, NOTHING),
    "broker-restart": ("", NOTHING, NOTHING),
    "database-locked": ("", NOTHING, NOTHING),
    "database-full": ("", NOTHING, NOTHING),
    "database-slow": ('delay = "2s"', NOTHING, NOTHING),
}


def around_of_all() -> str:
    """One trouble after the other, and an order to a meter of its own in each."""
    told = [
        'about = "Everything that the head-end leans on fails, one after the other."',
        'start = 2026-07-06T08:00:00\nduration = "3h"\nseed = 3',
        f'[field]\nmeters = {len(AROUND)}\noutages = "none"',
        "[expect]\norders = 1",
    ]
    for number, (kind, (keys, _, _)) in enumerate(AROUND.items()):
        begin = 5 + 20 * number
        told.append(
            f'[[fault]]\nkind = "{kind}"\nat = "{begin}m"\nuntil = "{begin + 3}m"\n{keys}\n'
            f'[[order]]\nat = "{begin + 1}m"\nmeter = "{90_000_001 + number}"\n'
            'kind = "set-limit"\namount = "3300"\nsoap_reply = true'
        )
    return "\n".join(told)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield kept(around_of_all(), tmp_path_factory.mktemp("around") / "kept")


@pytest.mark.parametrize("kind", AROUND)
def test_a_trouble_of_what_the_head_end_leans_on(kind: str, troubled: Path) -> None:
    _, of_meter, of_concentrator = AROUND[kind]
    meter = str(90_000_001 + [*AROUND].index(kind))
    truth = ("--truth", str(troubled / "world.jsonl"))
    target = SURROUNDINGS[kind.partition("-")[0]]
    for noun, name, words in (
        ("meter", meter, of_meter),
        ("concentrator", "C-001", of_concentrator),
    ):
        assert words in (page := explained(troubled, noun, name)), page
        beside = explained(troubled, noun, name, *truth)
        assert f"{kind} at {target} begins" in beside and f"{kind} at {target} is over" in beside


def test_every_kind_is_here() -> None:
    kinds = set(get_args(get_type_hints(FaultSpec)["kind"]))
    assert kinds == {*KINDS, *AROUND, "jamming"}


def test_machines_are_told_the_same(field: Path) -> None:
    concentrator, meter = only_one([*KINDS].index("meter-silent") + 1)
    page = json.loads(explained(field, "meter", meter, "--json"))
    assert any("does not answer" in cause["text"] for cause in page["causes"])
    assert page["pushes"] == [] and page["truth"] == []
    behind = json.loads(explained(field, "concentrator", concentrator, "--json"))
    assert [each["meter"] for each in behind["orders_ended_badly"]] == [meter]
