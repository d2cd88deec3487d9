"""Identify, read, objects, profile: over real lines, from a meter that is a thread away."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from devices.gateway.lines import Framing, Line
from protocols.dlms.codes import AuthenticationMechanism
from tests.probe.bench import LOAD_W, NOBODY, Bench, Probe, a_meter, bench, pty, tcp, udp, values

TOTAL_W = sum(LOAD_W)


def test_who_it_is_needs_no_password(probe: Probe, meter: Bench) -> None:
    told = probe.json("identify", "--port", meter.port)
    assert told["serial_number"] == told["meter"] == meter.number
    assert told["manufacturer"] == "SIM" and told["client"] == 16 and told["mechanism"] == "none"
    assert meter.logins == {16: 1}


LINES = {
    "tcp wrapper": lambda _: tcp(),
    "tcp hdlc": lambda _: tcp(Framing.HDLC),
    "udp": lambda _: udp(),
    "pty mode-e": lambda path: pty(path),
    "pty mode-e, echo": lambda path: pty(path, echo=True),
    "pty hdlc": lambda path: pty(path, Framing.HDLC),
    "pty mode-e, plain identification, echo": lambda path: pty(
        path, echo=True, plain_identification=True
    ),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_every_line_and_framing_brings_the_same(line, probe: Probe, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made: Line = line(tmp_path / "probe")
    with bench(made) as shown:
        hdlc = getattr(made, "framing", None) is Framing.HDLC
        framing = ("--framing", "hdlc") if hdlc else ()
        told = probe.json("read", "1.7.0", "0.0.96.1.0", "--port", shown.port, *framing,
                          env=shown.password())  # fmt: skip
    assert values(told) == {"1.0.1.7.0.255": TOTAL_W, "0.0.96.1.0.255": shown.number}


# The ways to say what is wanted, and what comes of it.
WANTED = {
    "active-power": ("1.0.1.7.0.255", TOTAL_W, "W"),
    "1.7.0": ("1.0.1.7.0.255", TOTAL_W, "W"),
    "1.0.1.7.0": ("1.0.1.7.0.255", TOTAL_W, "W"),
    "1-0:1.7.0": ("1.0.1.7.0.255", TOTAL_W, "W"),
    "1-0:1.7.0*255": ("1.0.1.7.0.255", TOTAL_W, "W"),
    "1.0.32.7.0.255": ("1.0.32.7.0.255", 230.0, "V"),
    "1.7.0/3": ("1.0.1.7.0.255", "[0, 27]", ""),
    "limiter/4": ("0.0.17.0.0.255", 4294967295, ""),
    "0.0.96.1.0": ("0.0.96.1.0.255", "SIM0000000004", ""),
}


def test_what_is_wanted_can_be_said_in_many_ways(probe: Probe, meter: Bench) -> None:
    told = probe.json("read", *WANTED, "--port", meter.port, env=meter.password())
    rows = [(row["obis"], row["value"], row["unit"]) for row in told["readings"]]
    assert rows == list(WANTED.values())


UNKNOWN = {
    "1.0.1.7": "is no OBIS code",
    "voltag-l1": "did you mean voltage-l1",
    "1.0.1.7.0.300": "is no OBIS code",
    "1.7.0/x": "the number of an attribute",
    "7.7.7.7.7.7": "the meter lists no object 7.7.7.7.7.7",
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_nobody_knows_is_wrong_usage(text: str, probe: Probe, meter: Bench) -> None:
    result = probe("read", text, "--port", meter.port, env=meter.password())
    assert result.exit_code == 2 and UNKNOWN[text] in result.stderr, result.output


def test_every_register_of_a_meter_that_nobody_described(probe: Probe, meter: Bench) -> None:
    told = probe.json("read", "--port", meter.port, env=meter.password())
    rows = {row["obis"]: row for row in told["readings"]}
    assert len(rows) > 60
    assert rows["1.0.31.7.0.255"]["unit"] == "A" and rows["1.0.1.8.0.255"]["unit"] == "Wh"
    phases = [rows[f"1.0.{c}.7.0.255"]["value"] for c in (36, 56, 76)]
    assert phases == list(LOAD_W) and rows["1.0.1.7.0.255"]["value"] == TOTAL_W


def test_the_object_list_with_its_rights(probe: Probe, meter: Bench) -> None:
    told = probe.json("objects", "--port", meter.port, env=meter.secrets())
    listed = {row["obis"]: row for row in told["objects"]}
    limiter = listed["0.0.17.0.0.255"]
    assert limiter["class_name"] == "Limiter" and "4rw" in limiter["attributes"]
    assert "1x" in listed["0.0.96.3.10.255"]["methods"].split()
    reader = probe.json("objects", "--port", meter.port, env=meter.password())
    as_reader = {row["obis"]: row for row in reader["objects"]}
    assert "4rw" not in as_reader["0.0.17.0.0.255"]["attributes"]


def test_names_and_tree_for_people(probe: Probe, meter: Bench) -> None:
    names = probe("objects", "--named")
    assert names.exit_code == 0 and "load-profile" in names.stdout
    tree = probe("objects", "--tree", "--lang", "es", "--port", meter.port, env=meter.password())
    assert "Registro de demanda 5" in tree.stdout and "energía activa +, total" in tree.stdout


# Profiles.


def test_a_day_of_the_load_profile(probe: Probe, meter: Bench) -> None:
    told = probe.json("profile", "--last", "1d", "--port", meter.port, env=meter.password())
    rows = told["rows"]
    assert 95 <= len(rows) <= 97 and "gaps" not in told
    energies = [row["1.0.1.8.0.255"] for row in rows]
    assert {b - a for a, b in zip(energies, energies[1:], strict=False)} == {TOTAL_W // 4}
    assert told["units"]["rows.1.0.1.8.0.255"] == "Wh"


def test_a_week_comes_in_pieces_and_is_the_same_as_by_entries(probe: Probe, meter: Bench) -> None:
    week = probe.json("profile", "--last", "7d", "--port", meter.port, env=meter.password())
    count = len(week["rows"])
    entries = probe.json("profile", "--entries", count, "--port", meter.port, env=meter.password())
    assert count in (672, 673)
    # A quarter of an hour may have passed in between.
    shared = {row["time"] for row in week["rows"]} & {row["time"] for row in entries["rows"]}
    assert len(shared) >= count - 1


def test_a_day_alone_is_meant_whole(probe: Probe, meter: Bench) -> None:
    clock = probe.json("clock", "--port", meter.port, env=meter.password())["time"]
    yesterday = date.fromisoformat(clock[:10]) - timedelta(days=1)
    told = probe.json("profile", "--from", yesterday, "--to", yesterday,
                      "--port", meter.port, env=meter.password())  # fmt: skip
    assert [row["time"][:10] for row in told["rows"]] == [str(yesterday)] * 96


SPANS = {
    ("--last", "7x"): "is no duration",
    ("--from", "yesterday"): "is no date",
    ("--from", "2026-01-01", "--last", "1d"): "both say where to begin",
    ("--from", "2026-01-02", "--to", "2026-01-01T00:00"): "nothing lies between",
    ("--from", "2026-01-02T00:00Z"): "Try without a zone",
    ("--entries", "5", "--last", "1d"): "Try one of them",
}


@pytest.mark.parametrize("words", SPANS)
def test_a_span_that_is_none(words: tuple[str, ...], probe: Probe, meter: Bench) -> None:
    result = probe("profile", *words, "--port", meter.port, env=meter.password())
    assert result.exit_code == 2 and SPANS[words] in result.stderr


def test_the_drawing_is_of_power_where_the_register_is_of_energy(
    probe: Probe, meter: Bench
) -> None:
    drawn = probe("profile", "--plot", "--port", meter.port, env=meter.password())
    assert drawn.exit_code == 0 and "active + energy, total [W]" in drawn.stdout
    assert f"{TOTAL_W:,} *┤".replace(",", " ").replace(" *", "") in drawn.stdout


# What goes wrong before anything is read.


def test_no_line_is_wrong_usage(probe: Probe) -> None:
    result = probe("identify")
    assert result.exit_code == 2 and "AMI_PROBE_PORT" in result.stderr
    result = probe("identify", "--port", "nowhere")
    assert result.exit_code == 2 and "names no line" in result.stderr


def test_the_port_may_come_from_the_environment_or_before_the_verb(
    probe: Probe, meter: Bench
) -> None:
    assert probe("identify", env={"AMI_PROBE_PORT": meter.port}).exit_code == 0
    assert probe("--port", meter.port, "identify").exit_code == 0
    told = probe("--port", meter.port, "--json", "push", "show", env=meter.secrets())
    assert told.exit_code == 0 and told.stdout.startswith("{"), told.output


def test_nobody_there(probe: Probe, tmp_path: Path) -> None:
    told = probe.json("identify", "--port", NOBODY, code=1)
    assert told["reason"] == "line-unavailable" and told["next_step"] and not told["done"]
    told = probe.json("identify", "--port", tmp_path / "unplugged", code=1)
    assert "there is no such port" in told["why"] and "plug the probe in" in told["next_step"]


def test_a_meter_model_of_the_utilitys_own(probe: Probe, meter: Bench, tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(
        'extends = "generic"\nabout = "Acme"\n[objects.lamp]\nclass = 3\nname = "1.0.1.7.0.255"\n'
    )
    told = probe.json("read", "lamp", "--model", "acme", "--models", tmp_path,
                      "--port", meter.port, env=meter.password())  # fmt: skip
    assert list(values(told).values()) == [TOTAL_W]
    wrong = probe("read", "lamp", "--model", "acne", "--models", tmp_path, "--port", meter.port)
    assert wrong.exit_code == 2 and "there is no meter model 'acne'" in wrong.stderr


def test_a_meter_without_proofs_is_read_by_its_public_client(probe: Probe) -> None:
    with bench(tcp(), meter=a_meter(AuthenticationMechanism.NONE)) as shown:
        told = probe.json("read", "active-power", "--port", shown.port)
    assert list(values(told).values()) == [TOTAL_W]
