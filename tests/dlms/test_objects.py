"""COSEM objects read from values: association, capture objects, profile, units, clock, image, push.

Values are written by hand from the Blue Book's attribute definitions; the shared vectors' range
descriptor and capture object are the bytes of an independent implementation (SOURCES.md).
"""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import axdr
from protocols.dlms.codes import DataTag
from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.association import Access, ObjectList
from protocols.dlms.objects.capture import CaptureObject, read_capture_objects
from protocols.dlms.objects.clock import Clock, later, read_time
from protocols.dlms.objects.image import ImageStatus, ImageToActivate, missing_blocks, read_status
from protocols.dlms.objects.profile import Column, Profile, restored, rows_of, selected
from protocols.dlms.objects.push import Destination, Window
from protocols.dlms.objects.units import UNITS, ScalerUnit, unit_symbol
from protocols.dlms.selective_access import EntryDescriptor, RangeDescriptor, read_selection
from protocols.dlms.services import SelectiveAccess
from protocols.dlms.values import (
    NULL,
    Array,
    BitString,
    Boolean,
    CompactArray,
    DateTimeValue,
    DeltaInteger,
    DeltaLong,
    DoubleLongUnsigned,
    Enum,
    Float32,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    TypeDescription,
    Unsigned,
    VisibleString,
)
from tests.dlms import strategies

CLOCK = LogicalName("0.0.1.0.0.255")
ENERGY = LogicalName("1.0.1.8.0.255")
ASSOCIATION = LogicalName("0.0.40.0.0.255")
NOW = DateTime.from_datetime(datetime.datetime(2026, 7, 6, 10, 0, tzinfo=datetime.UTC))


def listed(class_id: int, version: int, name: LogicalName, rights: object) -> Structure:
    return Structure((LongUnsigned(class_id), Unsigned(version), OctetString(name), rights))


def rights(attributes: list, methods: list) -> Structure:
    return Structure((Array(map(Structure, attributes)), Array(map(Structure, methods))))


R, W, A = Access.READ, Access.WRITE, Access.AUTHENTICATED_REQUEST | Access.AUTHENTICATED_RESPONSE
# version of class 15 -> (attribute item, method item) and what they mean
RIGHTS = {
    "version 0: read and write, method": (0, Enum(3), Boolean(1), R | W, R),
    "version 0: nothing": (0, Enum(0), Boolean(0), Access.NONE, Access.NONE),
    "version 1: authenticated": (1, Enum(6), Enum(2), R | W | A, R | A),
    "version 2: authenticated read": (2, Enum(4), Enum(1), R | A, R),
    "version 3: bits": (3, Enum(0x4B), Enum(0x05), Access(0x4B), Access(0x05)),
    "version 1 in another type": (1, Unsigned(1), Unsigned(1), R, R),
}


@pytest.mark.parametrize("case", RIGHTS.values(), ids=RIGHTS)
def test_access_rights(case):
    version, mode, method_mode, attribute, method = case
    found = ObjectList.from_value(
        Array(
            (
                listed(15, version, ASSOCIATION, rights([], [])),
                listed(
                    7,
                    1,
                    ENERGY,
                    rights(
                        [(Integer(2), mode, Array((Integer(1), Integer(2))))],
                        [(Integer(1), method_mode)],
                    ),
                ),
            )
        )
    )
    profile = found.find(ENERGY)
    assert found.version == version and len(found) == 2
    assert profile.attributes[2].access == attribute
    assert profile.methods[1] == method
    assert profile.readable(2) is bool(attribute & R)
    assert profile.writable(2) is bool(attribute & W)
    assert profile.invocable(1) is bool(method)
    assert profile.selects(2, 1) and profile.selects(2, 2) and not profile.selects(2, 3)
    assert not profile.readable(3) and not profile.invocable(9)
    assert found.of_class(7) == (profile,) and found.find("0.0.0.0.0.0") is None
    assert found.find(ENERGY, 3) is None


def test_object_list_without_rights():
    found = ObjectList.from_value(Array((listed(8, 0, CLOCK, NULL),)))
    assert found.find(CLOCK).attributes == {} and found.version == 0


MISSHAPEN = {
    "no array": (Unsigned(1), "object_list is no array"),
    "an element of three": (Array((Structure((NULL,) * 3),)), "structure of 4"),
    "a short name": (Array((listed(1, 0, b"\x00\x01", NULL),)), "has 2 octets"),
    "a mode that is none": (
        Array((listed(1, 0, CLOCK, rights([(Integer(1), Enum(9), NULL)], [])),)),
        "9 is no access mode",
    ),
    "a class in text": (
        Array((Structure((VisibleString("x"), Unsigned(0), OctetString(CLOCK), NULL)),)),
        "class_id is no integer",
    ),
}


@pytest.mark.parametrize("value, cause", MISSHAPEN.values(), ids=MISSHAPEN)
def test_misshapen_object_lists(value, cause):
    with pytest.raises(shape.Misshapen, match=cause):
        ObjectList.from_value(value)


@given(strategies.value)
def test_any_value_is_read_or_misshapen(value):
    for read in (
        ObjectList.from_value,
        read_capture_objects,
        RangeDescriptor.from_value,
        EntryDescriptor.from_value,
        ScalerUnit.from_value,
        read_time,
        read_status,
        ImageToActivate.from_value,
        Destination.from_value,
        Window.from_value,
        rows_of,
    ):
        try:
            read(value)
        except shape.Misshapen as error:
            assert str(error)


# --- selective access -----------------------------------------------------------------------------

# dlms-cosem 21.3.2's test_range_descriptor_to_bytes, also in the shared vectors.
RANGE_BYTES = bytes.fromhex(
    "0204 02041200080906 0000010000FF 0F02120000"
    "090C07E201010000000000FFC400 090C07E20C1F0000000000FFC400 0100"
)


def test_range_descriptor_in_octets():
    first, last = RANGE_BYTES[22:34], RANGE_BYTES[36:48]
    built = RangeDescriptor.of_time(DateTime.from_octets(first), DateTime.from_octets(last))
    assert axdr.encode(built.to_value()) == RANGE_BYTES
    assert read_selection(built.selection()) == built


def test_entry_descriptor_in_octets():
    built = EntryDescriptor(1, 96, 2, 3)
    octets = bytes.fromhex("0204 0600000001 0600000060 120002 120003")
    assert axdr.encode(built.to_value()) == octets
    assert read_selection(built.selection()) == built


columns = st.builds(
    CaptureObject, strategies.class_ids, strategies.names, strategies.signed, st.integers(0, 0xFFFF)
)


@given(columns, strategies.value, strategies.value, st.lists(columns, max_size=3))
def test_range_descriptor_round_trip(restricting, first, last, wanted):
    built = RangeDescriptor(restricting, first, last, tuple(wanted))
    assert RangeDescriptor.from_value(axdr.decode(axdr.encode(built.to_value()))) == built


@given(
    st.integers(1, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF), st.integers(1, 0xFFFF),
    st.integers(0, 0xFFFF),
)  # fmt: skip
def test_entry_descriptor_round_trip(first, last, first_column, last_column):
    built = EntryDescriptor(first, last, first_column, last_column)
    assert EntryDescriptor.from_value(axdr.decode(axdr.encode(built.to_value()))) == built


@pytest.mark.parametrize("numbers", [(0, 1), (1, -1), (1 << 32, 0), (1, 0, 0), (1, 0, 1, 1 << 16)])
def test_entries_that_do_not_fit(numbers):
    with pytest.raises(ValueError, match="do not fit"):
        EntryDescriptor(*numbers)


def test_another_selector_is_misshapen():
    with pytest.raises(shape.Misshapen, match="selector 3"):
        read_selection(SelectiveAccess(3, NULL))


# --- units ----------------------------------------------------------------------------------------

AMOUNTS = {
    "kilowatt-hours in watt-hours": (ScalerUnit(3, 30), DoubleLongUnsigned(12), "12000 Wh"),
    "tenths of a volt": (ScalerUnit(-1, 35), LongUnsigned(2304), "230.4 V"),
    "a count": (ScalerUnit(0, 255), Unsigned(7), "7"),
    "a unit outside the table": (ScalerUnit(0, 200), Unsigned(7), "7 unit 200"),
    "the widest, exactly": (
        ScalerUnit(-3, 27),
        DoubleLongUnsigned(0xFFFFFFFF),
        "4294967.295 W",
    ),
    "a float": (ScalerUnit(0, 44), Float32(50.0), "50.0 Hz"),
}


@pytest.mark.parametrize("scale, raw, text", AMOUNTS.values(), ids=AMOUNTS)
def test_quantity(scale, raw, text):
    assert str(scale.apply(raw)) == text
    assert ScalerUnit.from_value(scale.to_value()) == scale


@pytest.mark.parametrize(
    "raw", [OctetString(b"1"), Boolean(1), NULL, Float32(float("nan"))], ids=str
)
def test_what_is_no_number_has_no_quantity(raw):
    assert ScalerUnit(0, 30).apply(raw) is None


def test_unit_table():
    """Blue Book 4.3.2: 1 to 57, 60 to 67, 70 to 72, 128 to 174, 254 and 255."""
    expected = {*range(1, 58), *range(60, 68), *range(70, 73), *range(128, 175), 254, 255}
    assert set(UNITS) == expected
    assert all(code == unit.code and unit.quantity for code, unit in UNITS.items())
    assert [unit_symbol(code) for code in (27, 30, 33, 35, 255, 200)] == [
        "W", "Wh", "A", "V", "", "unit 200",
    ]  # fmt: skip


# --- profile --------------------------------------------------------------------------------------

COLUMNS = (CaptureObject(8, CLOCK, 2), CaptureObject(3, ENERGY, 2))


def at(minute: int) -> DateTime:
    return later(NOW, 60 * minute)


def test_null_data_and_deltas_are_put_back():
    buffer = Array(
        (
            Structure((OctetString(NOW.octets), DoubleLongUnsigned(100))),
            Structure((NULL, DeltaLong(5))),
            Structure((NULL, NULL)),
            Structure((OctetString(at(60).octets), DeltaLong(-10))),
        )
    )
    rows = restored(rows_of(buffer), COLUMNS, 900)
    assert [row[1] for row in rows] == [DoubleLongUnsigned(n) for n in (100, 105, 105, 95)]
    assert [DateTime.from_octets(bytes(row[0])) for row in rows] == [
        NOW, at(15), at(30), at(60),
    ]  # fmt: skip


def test_what_cannot_be_put_back_stays():
    rows = [(NULL, DeltaLong(5)), (OctetString(b"short"), Unsigned(250)), (NULL, DeltaLong(10))]
    assert restored(rows, COLUMNS, 900) == (
        (NULL, DeltaLong(5)),
        (OctetString(b"short"), Unsigned(250)),
        (NULL, DeltaLong(10)),
    )


def test_a_delta_after_what_is_no_number_stays():
    for before in (Boolean(True), OctetString(b"x")):
        rows = ((DateTimeValue(NOW), before), (DateTimeValue(NOW), DeltaInteger(1)))
        assert restored(rows, COLUMNS, 900) == rows


def test_delta_after_delta_counts_from_the_number_put_back():
    rows = [(NULL, Unsigned(1)), (NULL, DeltaLong(2)), (NULL, DeltaLong(3))]
    assert [row[1] for row in restored(rows, COLUMNS, 0)] == [Unsigned(1), Unsigned(3), Unsigned(6)]


def test_a_clock_under_its_own_tag_goes_on():
    rows = restored([(DateTimeValue(NOW), Unsigned(1)), (NULL, NULL)], COLUMNS, 900)
    assert rows[1] == (DateTimeValue(at(15)), Unsigned(1))


def test_compact_rows():
    kind = TypeDescription(
        DataTag.STRUCTURE,
        members=(TypeDescription(DataTag.UNSIGNED), TypeDescription(DataTag.LONG_UNSIGNED)),
    )
    assert rows_of(CompactArray(kind, bytes.fromhex("01 0002 03 0004"))) == (
        Structure((Unsigned(1), LongUnsigned(2))),
        Structure((Unsigned(3), LongUnsigned(4))),
    )


def test_rows_of_a_time():
    rows = [(OctetString(at(15 * n).octets), Unsigned(n)) for n in range(8)] + [(NULL, NULL)]
    found = selected(rows, COLUMNS, at(30), at(60))
    assert [row[1] for row in found] == [Unsigned(2), Unsigned(3), Unsigned(4), NULL]
    wall = [DateTime(moment.date, moment.time, None) for moment in (at(30), at(60))]
    assert selected(rows, COLUMNS, *wall) == found
    assert selected(rows, COLUMNS[1:], at(30), at(60)) == tuple(rows)


def test_profile_in_engineering_units():
    row = (OctetString(NOW.octets), DoubleLongUnsigned(1517))
    profile = Profile((Column(COLUMNS[0]), Column(COLUMNS[1], ScalerUnit(1, 30))), (row,), 900)
    assert profile.time(row) == NOW
    assert [quantity and str(quantity) for quantity in profile.quantities(row)] == [
        None,
        "15170 Wh",
    ]
    assert Profile(profile.columns[1:], ()).time(row) is None


# --- clock, image, push ---------------------------------------------------------------------------


def test_clock_in_utc():
    santiago = DateTime(Date(2026, 7, 6, 1), Time(8, 0, 0, 0), 240)
    assert Clock(santiago).utc == datetime.datetime(2026, 7, 6, 12, tzinfo=datetime.UTC)
    bare = DateTime(santiago.date, santiago.time, None)
    assert Clock(bare).utc is None
    clock = Clock(bare, time_zone_min=240)
    assert clock.drift_s(datetime.datetime(2026, 7, 6, 11, 59, 30, tzinfo=datetime.UTC)) == 30.0
    assert Clock(DateTime(Date(), Time())).utc is None
    assert later(DateTime(Date(), Time()), 1) is None


@pytest.mark.parametrize("extra, dirty", [(b"", False), (NOW.octets, True), (b"\x00", True)])
def test_a_time_sent_twice_is_read_once(extra, dirty):
    """Meters in the field encode the clock twice (facts of 2026)."""
    assert read_time(OctetString(NOW.octets + extra)) == (NOW, dirty)


def test_image_blocks_that_are_missing():
    assert missing_blocks(BitString.of("1101"), 4) == (2,)
    assert missing_blocks(BitString.of("11110000"), 4) == ()  # padded to octets
    assert missing_blocks(BitString.of("11"), 4) == (2, 3)
    assert read_status(Enum(3)) is ImageStatus.VERIFICATION_SUCCESSFUL
    with pytest.raises(shape.Misshapen, match="8 is no"):
        read_status(Enum(8))


def test_push_round_trips():
    destination = Destination(0, b"192.0.2.1:4059", 0)
    assert Destination.from_value(destination.to_value()) == destination
    window = Window(NOW, at(60))
    assert Window.from_value(window.to_value()) == window


def test_exactness_of_numbers():
    assert ScalerUnit(-9, 30).apply(DoubleLongUnsigned(1)).number == Decimal("1E-9")
