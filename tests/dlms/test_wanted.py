"""What dirty meters give, as a reading: the value as it is meant, its octets, and what was odd."""

from __future__ import annotations

import datetime

import pytest

from protocols.concentrator.messages import ObjectWanted
from protocols.dlms import axdr
from protocols.dlms.codes import Conformance, DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.events import Associated
from protocols.dlms.flaws import Flaw
from protocols.dlms.procedures import read_clock
from protocols.dlms.procedures.wanted import as_read, placed, read_objects
from protocols.dlms.script import carry_out
from protocols.dlms.services import GetRequest, GetResponse, Negotiated
from protocols.dlms.values import DateTimeValue, OctetString, VisibleString
from tools.probe.clock import oddities

CLOCK = ObjectWanted(8, "0.0.1.0.0.255", 2)
FIRMWARE = ObjectWanted(1, "1.0.0.2.0.255", 2)
NOON = "07EA07060 10C000000".replace(" ", "")  # 2026-07-06 12:00:00.00, a Monday

READ = {
    # what: (asked, value, text, quality); the date-time's layout is Blue Book 4.1.6
    "a clock": (CLOCK, OctetString(bytes.fromhex(NOON + "00F0" + "00")),
                "2026-07-06T12:00:00-04:00", ()),
    "a clock of type date-time": (
        CLOCK, DateTimeValue(DateTime.from_octets(bytes.fromhex(NOON + "00F000"))),
        "2026-07-06T12:00:00-04:00", ()),
    "no deviation": (CLOCK, OctetString(bytes.fromhex(NOON + "800000")),
                     "2026-07-06T12:00:00", ()),
    "sent twice": (CLOCK, OctetString(bytes.fromhex((NOON + "00F000") * 2)),
                   "2026-07-06T12:00:00-04:00", ("trailing-octets",)),
    "hundredths that are milliseconds": (
        CLOCK, OctetString(bytes.fromhex("07EA0706010C0000FA00F000")),
        "2026-07-06T12:00:00-04:00", ("hundredths-too-many",)),
    "a clock that the meter does not trust": (
        CLOCK, OctetString(bytes.fromhex(NOON + "00F001")),
        "2026-07-06T12:00:00-04:00", ("clock-invalid",)),
    "30 February": (CLOCK, OctetString(bytes.fromhex("07EA021E010C00000000F000")),
                    "07ea021e010c00000000f000", ("no-such-date",)),
    "NUL in a name": (FIRMWARE, OctetString(b"v1.2\0\0"), "v1.2", ("nul-characters",)),
    "NUL in a string": (FIRMWARE, VisibleString("v1\0.2"), "v1.2", ("nul-characters",)),
    "octets that are no text": (FIRMWARE, OctetString(b"\x01\x00\xff"), "0100FF",
                                ("nul-characters", "not-text")),
}  # fmt: skip


@pytest.mark.parametrize("asked, value, text, quality", READ.values(), ids=READ)
def test_read_with_good_will(asked, value, text, quality) -> None:
    read = as_read(asked, GetResponse.of(value))
    assert (read.value, read.quality) == (text, quality)
    assert read.raw == axdr.encode(value)  # whatever was understood, what came is kept


AT = datetime.datetime(2026, 7, 6, 16, 0, 20, tzinfo=datetime.UTC)  # noon in Santiago, in winter
PLACED = {
    # deviation as sent: text, quality; read at 16:00:20 UTC
    "right": ("00F0", "2026-07-06T12:00:00-04:00", ()),
    "wrong sign": ("FF10", "2026-07-06T12:00:00-04:00", ("deviation-sign",)),
    "an hour off": ("00B4", "2026-07-06T12:00:00-03:00", ("deviation-doubtful",)),
    "not specified": ("8000", "2026-07-06T12:00:00", ()),
}


@pytest.mark.parametrize("deviation, text, quality", PLACED.values(), ids=PLACED)
def test_a_clock_placed_by_when_it_was_read(deviation, text, quality) -> None:
    octets = OctetString(bytes.fromhex(NOON + deviation + "00"))
    read = placed(as_read(CLOCK, GetResponse.of(octets)), near=AT)
    assert (read.value, read.quality) == (text, quality)
    assert read.raw == axdr.encode(octets)


def told_one_by_one(procedure, *answers):
    """What a procedure finds at a meter that knows no lists."""
    script = carry_out(procedure, ASSOCIATED, lambda: False)
    said = next(script)
    try:
        for answer in answers:
            assert isinstance(said, GetRequest) and len(said.attributes) == 1
            said = script.send(answer)
    except StopIteration as stop:
        return stop.value
    raise AssertionError(f"{said} is asked, too")


ASSOCIATED = Associated(Negotiated(Conformance.GET, 0, 0))
TIME = OctetString(bytes.fromhex(NOON + "00F000"))
TWICE = GetResponse((TIME,), Flaw.TRAILING_OCTETS, axdr.encode(TIME) * 2)
NAME = GetResponse.of(OctetString(b"v1.2"))


def test_what_was_odd_about_an_answer_is_of_that_reading_alone() -> None:
    outcome = told_one_by_one(read_objects([CLOCK, FIRMWARE]), TWICE, NAME)
    clock, firmware = outcome.readings
    assert (clock.value, clock.quality) == ("2026-07-06T12:00:00-04:00", ("trailing-octets",))
    assert clock.raw == axdr.encode(TIME) * 2, "with what trailed"
    assert (firmware.value, firmware.quality) == ("v1.2", ())
    assert placed(clock, near=AT) == clock


def test_what_was_odd_about_a_list_is_of_every_reading_in_it() -> None:
    answer = GetResponse((TIME, OctetString(b"v1.2")), Flaw.LAST_BLOCK_UNFLAGGED, b"both")
    procedure = read_objects([CLOCK, FIRMWARE])
    assert len(next(procedure).attributes) == 2
    with pytest.raises(StopIteration) as stop:
        procedure.send(answer)
    readings = stop.value.value.readings
    assert [each.quality for each in readings] == [("last-block-unflagged",)] * 2
    assert readings[1].raw == axdr.encode(OctetString(b"v1.2"))


def test_a_clock_that_comes_twice_is_dirty() -> None:
    refused = GetResponse.of(DataAccessResult.OBJECT_UNDEFINED)
    clock = told_one_by_one(read_clock(), TWICE, *[refused] * 7)
    assert clock.dirty and clock.utc == datetime.datetime(2026, 7, 6, 16, tzinfo=datetime.UTC)
    assert [fact.value for fact in oddities(clock, AT)] == [
        "octets trail its answer: it says the time twice"
    ]
