"""Dirty octets: what was wrong is flagged, the value can be used, and the octets are kept."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import tolerant
from protocols.dlms.acse import RLRE
from protocols.dlms.apdu import decode, encode
from protocols.dlms.date_time import DateTime
from protocols.dlms.flaws import Flaw, Told
from protocols.dlms.get import GetResponseNormal
from protocols.dlms.notification import DataNotification
from protocols.dlms.values import (
    DateTimeValue,
    DoubleLongUnsigned,
    OctetString,
    Unsigned,
    Utf8String,
    VisibleString,
)
from protocols.errors import ProtocolError

CHILE, KOLKATA = ZoneInfo("America/Santiago"), ZoneInfo("Asia/Kolkata")
NOON = datetime.datetime(2026, 7, 6, 12, tzinfo=datetime.UTC)
IN_CHILE = "07EA070601080000"  # 08:00 there
IN_KOLKATA = "07EA070601111E00"  # 17:30 there

MOMENTS: dict[str, tuple[str, ZoneInfo | None, datetime.datetime | None, Flaw]] = {
    # name: (octets, zone, about when, flaws); each is noon UTC
    "as it should be": (IN_CHILE + "0000F000", CHILE, NOON, Flaw.NONE),
    "of an unknown zone": (IN_CHILE + "0000F000", None, None, Flaw.NONE),
    "without deviation": (IN_CHILE + "00800000", CHILE, NOON, Flaw.NONE),
    "deviation ignored": (IN_CHILE + "00000000", CHILE, NOON, Flaw.DEVIATION_IGNORED),
    "a deviation of 0 that is true": ("07EA0706010C000000000000", CHILE, NOON, Flaw.NONE),
    "deviation with the wrong sign": (IN_CHILE + "00FF1000", CHILE, NOON, Flaw.DEVIATION_SIGN),
    "-330 where 330 was meant": (IN_KOLKATA + "00014A00", KOLKATA, NOON, Flaw.DEVIATION_SIGN),
    "-330 that is right": (IN_KOLKATA + "00FEB600", KOLKATA, NOON, Flaw.NONE),
    "the wrong sign of an unknown zone": (
        IN_KOLKATA + "00014A00", None, NOON, Flaw.DEVIATION_SIGN,
    ),
    "a deviation of another zone": (
        IN_CHILE + "00012C00", CHILE, NOON, Flaw.DEVIATION_DOUBTFUL,
    ),
    "milliseconds for hundredths": (IN_CHILE + "FA00F000", CHILE, NOON, Flaw.HUNDREDTHS_TOO_MANY),
    "hundredths not specified": (IN_CHILE + "FF00F000", CHILE, NOON, Flaw.NONE),
    "encoded twice": (
        (IN_CHILE + "0000F000") * 2, CHILE, NOON, Flaw.TRAILING_OCTETS,
    ),
    "a clock that is not valid": (IN_CHILE + "0000F001", CHILE, NOON, Flaw.CLOCK_INVALID),
    "everything at once": (
        IN_CHILE + "FA000001" + "00", CHILE, NOON,
        Flaw.HUNDREDTHS_TOO_MANY | Flaw.DEVIATION_IGNORED | Flaw.CLOCK_INVALID
        | Flaw.TRAILING_OCTETS,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "zone", "near", "flaws"), MOMENTS.values(), ids=MOMENTS)
def test_moments(octets: str, zone: ZoneInfo | None, near: datetime.datetime | None, flaws: Flaw):
    raw = bytes.fromhex(octets)
    assert tolerant.moment(raw, zone=zone, near=near) == Told(NOON, raw, flaws)
    if len(raw) == 12:
        tagged = DateTimeValue(DateTime.from_octets(raw))
        assert tolerant.moment(tagged, zone=zone, near=near).value == NOON


@pytest.mark.parametrize(
    "octets",
    ["07EA021E010800000000F000", "FFFFFFFFFF0800000000F000", "07EA0706011900000000F000", ""],
)
def test_a_moment_that_there_is_not_keeps_its_octets(octets: str):
    raw = bytes.fromhex(octets)
    assert tolerant.moment(raw, zone=CHILE) == Told(None, raw, Flaw.NO_SUCH_DATE)


def test_a_time_that_nothing_explains_is_taken_as_written_and_doubted():
    raw = bytes.fromhex("07EA070601020000" + "0000F000")
    found = tolerant.moment(raw, zone=CHILE, near=NOON)
    assert (found.value, found.flaws) == (
        NOON - datetime.timedelta(hours=6), Flaw.DEVIATION_DOUBTFUL,
    )  # fmt: skip


@given(st.binary(max_size=30), st.sampled_from((None, CHILE, KOLKATA)), st.booleans())
def test_no_octets_are_too_dirty(octets: bytes, zone: ZoneInfo | None, expected: bool):
    near = NOON if expected else None
    for told in (
        tolerant.moment(octets, zone=zone, near=near),
        tolerant.value(octets),
        tolerant.text(octets),
        tolerant.Pushes().take(octets, now=NOON, zone=zone),
    ):
        assert told.raw == octets


STRINGS: dict[str, tuple[Any, str, Flaw]] = {
    "plain": (OctetString(b"KFM5101"), "KFM5101", Flaw.NONE),
    "filled up": (OctetString(b"KFM5101\0\0\0"), "KFM5101", Flaw.NUL_CHARACTERS),
    "with one inside": (VisibleString("KFM\0 51"), "KFM 51", Flaw.NUL_CHARACTERS),
    "with blanks": (VisibleString("  A  "), "A", Flaw.NONE),
    "UTF-8": (Utf8String("Ñuñoa"), "Ñuñoa", Flaw.NONE),
    "no text": (OctetString(b"\xff\xfe\x80"), "FFFE80", Flaw.NOT_TEXT),
    "control characters": (OctetString(b"\x01\x02"), "0102", Flaw.NOT_TEXT),
    "no text, filled up": (
        OctetString(b"\xff\0"), "FF00", Flaw.NOT_TEXT | Flaw.NUL_CHARACTERS,
    ),
    "nothing": (OctetString(b""), "", Flaw.NONE),
}  # fmt: skip


@pytest.mark.parametrize(("told", "text", "flaws"), STRINGS.values(), ids=STRINGS)
def test_strings(told: Any, text: str, flaws: Flaw):
    found = tolerant.text(told)
    assert (found.value, found.flaws) == (text, flaws)
    assert "\0" not in found.value


CLOCK = OctetString(bytes.fromhex(IN_CHILE + "0000F000"))
TWICE = GetResponseNormal(0x41, CLOCK, b"\x09\x0c" + CLOCK)
# The clock of a C server, as it came: the octet string, within another that is cut, and its rest.
NESTED = bytes.fromhex("C4014800090C07EA0B160712331700000000090F090C07EA0B160712331700000000090F")
REFUSED: dict[str, bytes] = {
    "something else behind it": encode(GetResponseNormal(0x41, CLOCK, b"\x00")),
    "half of it again": encode(TWICE)[:-3],
    "an empty one again": bytes.fromhex("C401410009000009000000"),
    "behind a data access result": bytes.fromhex("C401410103") + b"\x09\x00",
    "behind a SET response": bytes.fromhex("C5014100") + b"\x00",
    "no value": bytes.fromhex("C40141"),
}


def test_a_value_sent_twice_is_one_value():
    wire = encode(TWICE)
    with pytest.raises(ProtocolError):
        decode(wire)
    assert tolerant.answer(wire) == TWICE
    assert encode(tolerant.answer(wire)) == wire


def test_an_octet_string_that_stands_within_what_follows_is_one_value():
    found = tolerant.answer(NESTED)
    assert isinstance(found, GetResponseNormal)
    assert found.result == OctetString(bytes.fromhex("07EA0B160712331700000000"))
    assert found.trailing == bytes.fromhex("090F090C07EA0B160712331700000000090F")
    assert encode(found) == NESTED


@pytest.mark.parametrize("wire", REFUSED.values(), ids=REFUSED)
def test_other_octets_behind_an_answer_are_refused(wire: bytes):
    with pytest.raises(ProtocolError):
        tolerant.answer(wire)


def test_an_rlre_is_one_whatever_its_lengths_say():
    """As servers of C++ and Java were seen to send it: 20 octets that say they are 17."""
    wire = bytes.fromhex("6311800100BE0F040E0800065F1F040000001004000007")
    with pytest.raises(ProtocolError):
        decode(wire)
    assert tolerant.answer(wire) == RLRE(None)


VALUES: dict[str, tuple[bytes, Any, Flaw]] = {
    "whole": (b"\x11\x05", Unsigned(5), Flaw.NONE),
    "with more behind it": (b"\x11\x05\x11\x05", Unsigned(5), Flaw.TRAILING_OCTETS),
}


@pytest.mark.parametrize(("octets", "value", "flaws"), VALUES.values(), ids=VALUES)
def test_values(octets: bytes, value: Any, flaws: Flaw):
    assert tolerant.value(octets) == Told(value, octets, flaws)


Say = Callable[[int], DataNotification]


def push(number: int, minutes_ago: int = 0) -> bytes:
    at = NOON - datetime.timedelta(minutes=minutes_ago)
    date_time = DateTime.from_datetime(at).octets
    return DataNotification(number, date_time, DoubleLongUnsigned(number)).encode()


def test_pushes_are_told_apart():
    pushes = tolerant.Pushes()
    table: list[tuple[bytes, Flaw]] = [
        (push(1), Flaw.NONE),
        (push(2), Flaw.NONE),
        (push(1), Flaw.REPEATED),
        (push(3, 30), Flaw.LATE),
        (push(0x8000_0001), Flaw.NOT_AN_IDENTIFIER),
        (push(0x8000_0001, 0), Flaw.NOT_AN_IDENTIFIER | Flaw.REPEATED),
        (push(1, 5), Flaw.NONE),
        (b"\x0f\x00", Flaw.NONE),
    ]
    for wire, flaws in table:
        found = pushes.take(wire, now=NOON)
        assert (found.raw, found.flaws) == (wire, flaws)
        if len(wire) > 2:
            assert found.value is not None
            assert found.value.long_invoke_id_and_priority >= 0
    for number in range(200):
        pushes.take(push(number), now=NOON)
    assert len(pushes._seen) == pushes.REMEMBERED, "memory has a bound"


def test_a_clock_is_read_by_the_time_of_reading():
    read = tolerant.clock(OctetString(bytes.fromhex(IN_CHILE + "00000000")), zone=CHILE, now=NOON)
    assert (read.value, read.flaws) == (NOON, Flaw.DEVIATION_IGNORED)
    other = tolerant.clock(Unsigned(3), zone=CHILE, now=NOON)
    assert (other.value, other.raw, other.flaws) == (None, b"\x11\x03", Flaw.NO_SUCH_DATE)
