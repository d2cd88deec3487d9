"""Typed values: what they hold, what they refuse, what they equal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from protocols.dlms.codes import DataTag
from protocols.dlms.date_time import ClockStatus, Date, DateTime, Time
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    BitString,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    Float32,
    Float64,
    Integer,
    OctetString,
    Structure,
    Unsigned,
    Utf8String,
    VisibleString,
    class_of,
)

NAMES = {
    "1.0.1.8.0.255": "0100010800ff",
    "1-0:1.8.0*1": "010001080001",
    "1-0:1.8.0.255": "0100010800ff",
    "255.255.255.255.255.255": "ffffffffffff",
    "0.0.0.0.0.0": "000000000000",
}


@pytest.mark.parametrize(("text", "octets"), NAMES.items())
def test_logical_name(text: str, octets: str) -> None:
    name = LogicalName(text)
    assert name == bytes.fromhex(octets)
    assert LogicalName(str(name)) == name == LogicalName(bytes(name))
    assert repr(name) == f"LogicalName('{'.'.join(map(str, name))}')"


@pytest.mark.parametrize(
    "wrong",
    ["1.0.1.8.0", "1.0.1.8.0.256", "1.0.1.8.0.255.1", "", "1.0.1.8.0.-1", " 1.0.1.8.0.255",
     "1.0.1.8.0.255\n", "1.0.1.8.0.²", b"12345", b"1234567"],
)  # fmt: skip
def test_what_is_no_logical_name(wrong: str | bytes) -> None:
    with pytest.raises(ValueError, match="logical name"):
        LogicalName(wrong)


@pytest.mark.parametrize("tag", [tag for tag in DataTag if hasattr(class_of(tag), "FORMAT")])
def test_integers_at_their_edges(tag: DataTag) -> None:
    kind = class_of(tag)
    assert kind(kind.MIN) == kind.MIN and kind(kind.MAX) == kind.MAX
    for beyond in (kind.MIN - 1, kind.MAX + 1):
        with pytest.raises(ValueError, match=kind.__name__):
            kind(beyond)


EQUAL = [
    (DoubleLongUnsigned(1517), 1517, True),
    (DoubleLongUnsigned(1517), DoubleLongUnsigned(1517), True),
    (DoubleLongUnsigned(1517), 1518, False),
    (Unsigned(1), Enum(1), False),
    (Unsigned(1), Integer(1), False),
    (Unsigned(1), Float32(1.0), False),
    (Boolean(1), True, True),
    (Boolean(0xFF), Boolean(1), True),
    (Boolean(1), 1, False),
    (Float32(0.5), 0.5, True),
    (Float32(0.5), Float64(0.5), False),
    (OctetString(b"AB"), b"AB", True),
    (OctetString(b"AB"), VisibleString("AB"), False),
    (VisibleString("AB"), "AB", True),
    (VisibleString("AB"), Utf8String("AB"), False),
    (Structure((Unsigned(1),)), (1,), True),
    (Structure((Unsigned(1),)), Array((Unsigned(1),)), False),
    (Structure((Unsigned(1),)), Structure((Enum(1),)), False),
    (BitString.of("101"), BitString(3, b"\xa0"), True),
]


@pytest.mark.parametrize(("one", "other", "equal"), EQUAL)
def test_equality(one: object, other: object, equal: bool) -> None:
    assert (one == other) is equal
    assert (other == one) is equal
    assert (one != other) is not equal
    if equal:
        assert hash(one) == hash(other)


def test_bit_string() -> None:
    assert BitString.of("").octets == b""
    assert BitString.of("0101").octets == b"\x50"
    assert BitString.of("0000000011").bits == "0000000011"
    with pytest.raises(ValueError, match="do not hold 9 bits"):
        BitString(9, b"\x00")


SANTIAGO_WINTER = timezone(timedelta(hours=-4))
MOMENTS = {
    # octets: (moment, status)
    "07ea0706010a00000000f000": (
        datetime(2026, 7, 6, 10, 0, tzinfo=SANTIAGO_WINTER),
        ClockStatus.OK,
    ),
    "07e40119060d091effffc400": (  # hundredths not specified
        datetime(2020, 1, 25, 13, 9, 30, tzinfo=timezone(timedelta(hours=1))),
        ClockStatus.OK,
    ),
    "07e8021d04170000328000ff": (
        datetime(2024, 2, 29, 23, 0, 0, 500_000),
        None,
    ),
    "07ea0706010a0f1e63000080": (
        datetime(2026, 7, 6, 10, 15, 30, 990_000, tzinfo=UTC),
        ClockStatus.DAYLIGHT_SAVING,
    ),
}


@pytest.mark.parametrize(("octets", "meaning"), MOMENTS.items())
def test_date_time(octets: str, meaning: tuple[datetime, ClockStatus | None]) -> None:
    moment, status = meaning
    read = DateTime.from_octets(bytes.fromhex(octets))
    assert (read.to_datetime(), read.status) == (moment, status)
    assert read.octets.hex() == octets


def test_date_time_is_made_of_a_moment() -> None:
    moment = datetime(2026, 7, 6, 10, 15, 30, 250_000, tzinfo=SANTIAGO_WINTER)
    made = DateTime.from_datetime(moment)
    assert (made.deviation_min, made.time.hundredths, made.date.weekday) == (240, 25, 1)
    assert made.to_datetime() == moment
    assert DateTime.from_datetime(datetime(2026, 7, 6)).deviation_min is None


@pytest.mark.parametrize(
    "octets",
    [
        "ffffffffffffffffff8000ff",  # nothing specified
        "07ea0d06010a00000000f000",  # a thirteenth month
        "07ea021e010a00000000f000",  # the thirtieth of February
        "07eafefe010a00000000f000",  # begin of daylight saving, last day of the month
    ],
)
def test_octets_that_are_no_moment_are_kept_and_refused(octets: str) -> None:
    read = DateTime.from_octets(bytes.fromhex(octets))
    assert read.octets.hex() == octets
    with pytest.raises(ValueError):
        read.to_datetime()


@pytest.mark.parametrize("kind, size", [(Date, 5), (Time, 4), (DateTime, 12)])
def test_date_and_time_want_their_octets(kind: type, size: int) -> None:
    for wrong in (size - 1, size + 1):
        with pytest.raises(ValueError, match=f"has {size} octets"):
            kind.from_octets(bytes(wrong))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Date(year=0xFFFF),
        lambda: Date(month=-1),
        lambda: Time(hour=255),
        lambda: DateTime(Date(), Time(), -0x8000),
        lambda: DateTime(Date(), Time(), 0x8000),
    ],
)
def test_parts_that_would_read_back_as_not_specified(make: type) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        make()
