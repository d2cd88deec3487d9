"""A real meter's template: its object list, types, units and scalers, and nobody's names."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from devices.meter import models
from devices.meter.clients import on_the_bench
from devices.meter.identity import Identity
from devices.meter.load import ConstantLoad
from protocols.dlms import axdr
from protocols.dlms.codes import AuthenticationMechanism
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Utf8String,
    Value,
    VisibleString,
)
from tests.probe.bench import VARIABLES, Bench, Probe, Watched, bench, tcp
from tools.anonymous import Anonymous
from tools.cli import app
from tools.meter import record as meter_record
from tools.meter.command import meter_of

GMAC = AuthenticationMechanism.HIGH_GMAC


def recorded(shown: Bench, home: Path, file: Path, *more: str) -> str:
    """The template's text."""
    env = {**dict.fromkeys(VARIABLES), "AMI_PROBE_HOME": str(home), **shown.secrets()}
    words = ["meter", "record", "--port", shown.port, "--output", str(file), "--client", "1", *more]
    ran = CliRunner().invoke(app, words, env=env)
    assert ran.exit_code == 0, ran.output
    return file.read_text(encoding="utf-8")


def seen(shown: Bench, probe: Probe) -> tuple[Any, Any]:
    """The object list, and each register's unit with the type and scale of its value."""
    told = [
        probe.json(*words, "--port", shown.port, "--client", "1", env=shown.secrets())
        for words in (("objects",), ("read",))
    ]
    units = {(row["obis"], row["attribute"]): row["unit"] for row in told[1]["readings"]}
    return told[0]["objects"], units


def legacy() -> Watched:
    """A meter that is like no model: its registers count in kWh and its profile has other rows."""
    clients = on_the_bench(GMAC)
    kind = models.read("odd", 'base = "legacy-single-phase"\nenergy_scaler = 3\nphases = 1\n')

    return Watched(Identity(77, 8_123_456), ConstantLoad.of(700), replace(kind, clients=clients))


@pytest.mark.parametrize("alike", [True, False])
def test_the_template_plays_the_same_object_list(
    alike: bool, probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a meter that is nearly like a model, and of one of which nothing is."""
    if not alike:
        nothing = ("standard", frozenset[LogicalName]())
        monkeypatch.setattr(meter_record, "nearest", lambda found, values: nothing)
    file = tmp_path / "odd.toml"
    with bench(tcp(), meter=legacy()) as real:
        text = recorded(real, tmp_path / "kit", file)
        objects, units = seen(real, probe)
        identity = real.meter.identity
    told = tomllib.loads(text)["object"]
    live = [each for each in told if each.get("live")]
    assert bool(live) == alike and len(live) < len(told) == len(objects)
    for original in (
        identity.number.encode(),
        f"{identity.index:010d}".encode(),
        str(identity.index).encode(),
        identity.system_title,
        identity.logical_device_name,
    ):
        as_value = axdr.encode(OctetString(original)).hex()
        for shape in (original.decode("latin-1"), original.hex(), original.hex(" "), as_value):
            assert shape.lower() not in text.lower()
    played = meter_of(on_the_bench(GMAC), str(file), 3, Identity(5, 6), "700W")
    copy = Watched(played.identity, ConstantLoad.of(700), played.type)
    with bench(tcp(), meter=copy) as again:
        assert seen(again, Probe(tmp_path / "other")) == (objects, units)


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ("[[object]]\nclass = 1\n", "has class and name"),
        ('[[object]]\nclass = 1\nname = "1.2.3"\n', "1.2.3"),
        ('[[object]]\nclass = 1\nname = "0.0.1.0.0.255"\naccess = { 2 = "x" }\n', "access is"),
        (
            '[[object]]\nclass = 1\nname = "0.0.1.0.0.255"\naccess.2 = "r"\nvalues.2 = "09"\n',
            "attribute 2 is no value",
        ),
        ('base = "toaster"\n', "toaster"),
    ],
)
def test_a_template_that_is_none_is_refused(toml: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        models.read("mine", toml)


# --- anonymising ----------------------------------------------------------------------------------

NAME = LogicalName("0.0.96.1.0.255")
OTHER = LogicalName("1.0.1.8.0.255")
IPV4 = LogicalName("0.0.25.1.0.255")


@pytest.mark.parametrize(
    ("class_id", "name", "value"),
    [
        (1, NAME, OctetString(b"KFM0012345678")),
        (1, NAME, VisibleString("Calle Larga 12")),
        (1, NAME, Utf8String("señora Peña")),
        (1, NAME, DoubleLongUnsigned(87_654_321)),
        (42, IPV4, DoubleLongUnsigned(0x0A01_0203)),
        (45, IPV4, Structure((OctetString(b"apn.utility.cl"), LongUnsigned(4321)))),
        (29, IPV4, Array([OctetString(b"+56912345678")])),
        (43, IPV4, OctetString.fromhex("0050C2123456")),
        (64, IPV4, OctetString(b"KFM\x00\x12\x34\x56\x78")),
        (1, OTHER, OctetString(b"123456")),  # six octets, and no logical name
        (1, OTHER, OctetString(b"123456789012")),  # twelve, and no moment
    ],
)
def test_what_identifies_is_replaced(class_id: int, name: LogicalName, value: Value) -> None:
    shown = Anonymous(1).value(class_id, name, value)
    assert type(shown) is type(value) and shown != value
    ours, theirs = axdr.encode(value), axdr.encode(shown)
    assert theirs[0] == ours[0]
    if not isinstance(value, Utf8String):
        assert len(theirs) == len(ours)


@pytest.mark.parametrize(
    "value",
    [
        DoubleLongUnsigned(4711),
        OctetString.fromhex("07EA0706010A000000000000"),
        Structure((LongUnsigned(3), OctetString(OTHER), Integer(2), LongUnsigned(0))),
        OctetString(b""),
    ],
)
def test_what_says_nothing_of_anybody_stays(value: Value) -> None:
    assert Anonymous(1).value(3, OTHER, value) == value


def test_a_serial_number_is_found_wherever_it_stands() -> None:
    mask = Anonymous(1)
    mask.learn(OctetString(b"KFM0012345678"))
    assert mask.value(3, OTHER, DoubleLongUnsigned(12_345_678)) != DoubleLongUnsigned(12_345_678)
    same = [mask.value(1, OTHER, OctetString(b"KFM0012345678")) for _ in range(2)]
    assert same[0] == same[1]


def test_what_only_looks_like_a_number_stays() -> None:
    """Zeros before a serial number's last digits, and the columns of a push."""
    mask = Anonymous(1)
    mask.learn(OctetString(b"SIM0000000004"))
    assert mask.value(3, OTHER, LongUnsigned(4)) == LongUnsigned(4)
    column = Structure((LongUnsigned(3), OctetString(OTHER), Integer(2), LongUnsigned(0)))
    assert mask.value(40, IPV4, Array([column])) == Array([column])


@given(st.binary(min_size=1, max_size=40))
def test_of_octets_nothing_is_left_but_their_number(octets: bytes) -> None:
    mask = Anonymous(3)
    shown = mask.value(1, OTHER, OctetString(octets))
    assert isinstance(shown, bytes) and len(shown) == len(octets)
    assert any(octets) is False or octets.isascii() or shown != octets
