"""Profile buffers to columns: held against the general decoder, and against printed examples."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.profile import Column, Decoder, Others, Quantities, Times, decode
from protocols.dlms.values import (
    NULL,
    Array,
    BitString,
    Boolean,
    DoubleLong,
    DoubleLongUnsigned,
    Enum,
    Float32,
    Integer,
    Long,
    Long64,
    Long64Unsigned,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    VisibleString,
)
from protocols.errors import ProtocolError

CLOCK = Column(8, LogicalName("0.0.1.0.0.255"), 2)
ENERGY = Column(3, LogicalName("1.0.1.8.0.255"), 2, scaler=-1, unit=30)
STATUS = Column(1, LogicalName("0.0.96.10.1.255"), 2)
SERIAL = Column(1, LogicalName("0.0.96.1.0.255"), 2)

INTEGERS = (
    Integer, Long, DoubleLong, Long64, Unsigned, LongUnsigned, DoubleLongUnsigned, Long64Unsigned,
)  # fmt: skip
numbers = st.sampled_from(INTEGERS).flatmap(
    lambda kind: st.integers(kind.MIN, kind.MAX).map(kind)
) | st.sampled_from((Boolean(True), Enum(3), Float32(1.5)))
cells = numbers | st.just(NULL) | st.binary(max_size=20).map(OctetString)


def buffer(rows):
    return axdr.encode(Array(Structure(row) for row in rows))


def at(*moment, offset_h=-3):
    zone = datetime.timezone(datetime.timedelta(hours=offset_h))
    return datetime.datetime(*moment, tzinfo=zone)


def clock(moment):
    return OctetString(DateTime.from_datetime(moment).octets)


def plain(value):
    return value if isinstance(value, float) else int(value)


@st.composite
def tables(draw):
    """Rows that mostly look alike, as a meter's do, with some that do not."""
    width = draw(st.integers(1, 5))
    kinds = draw(st.lists(st.sampled_from(INTEGERS), min_size=width, max_size=width))
    alike = st.tuples(*(st.integers(kind.MIN, kind.MAX).map(kind) for kind in kinds))
    other = st.tuples(*([cells] * width))
    return draw(st.lists(st.one_of(alike, alike, alike, other), max_size=40)), width


@given(tables())
def test_every_cell_is_what_the_general_decoder_finds(table):
    rows, width = table
    series = decode(buffer(rows), [STATUS] * width)
    assert len(series) == width
    for place, found in enumerate(series):
        last = None
        for row, cells_of_row in enumerate(rows):
            cell = cells_of_row[place]
            last = cell if cell is not NULL else last
            if isinstance(found, Others):
                assert found.values[row] == last
            elif last is None:
                assert not found.present[row]
            else:
                assert isinstance(found, Quantities) and found.present[row]
                # Beyond 53 bits a column of mixed kinds is counted in floats.
                assert found.raw[row] == pytest.approx(plain(last), rel=1e-15, abs=0)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=300))
def test_integers_stay_exact(counts):
    (series,) = decode(buffer([(Long64Unsigned(2**63 + n),) for n in counts]), [ENERGY])
    assert series.raw.tolist() == [2**63 + n for n in counts]


@given(st.binary(max_size=200))
def test_random_octets_raise_protocol_error_and_nothing_else(octets):
    for start in (b"", b"\x01\x02\x02\x02"):
        try:
            series = decode(start + octets, [CLOCK, ENERGY])
        except ProtocolError:
            continue
        assert len(series) == 2


def test_a_profile_in_engineering_units_and_utc():
    first = at(2026, 4, 5, 0, 0)
    rows = [
        (clock(first + datetime.timedelta(minutes=15 * n)), DoubleLongUnsigned(1005 + n))
        for n in range(96)
    ]
    times, energy = decode(buffer(rows), [CLOCK, ENERGY])
    assert isinstance(times, Times) and isinstance(energy, Quantities)
    assert times.utc_s.tolist() == [first.timestamp() + 900 * n for n in range(96)]
    assert times.local_s[0] == datetime.datetime(2026, 4, 5, tzinfo=datetime.UTC).timestamp()
    assert energy.scaled.tolist() == [(1005 + n) / 10 for n in range(96)]
    assert set(times.deviation_min) == {180} and set(times.status) == {0}


def test_null_data_repeats_a_number_and_leaves_a_time_open():
    rows = [
        (NULL, NULL),
        (clock(at(2026, 1, 1)), DoubleLongUnsigned(5)),
        (NULL, NULL),
        (NULL, DoubleLongUnsigned(6)),
    ]
    times, energy = decode(buffer(rows), [CLOCK, ENERGY])
    assert energy.present.tolist() == [False, True, True, True]
    assert energy.raw.tolist() == [0, 5, 5, 6]
    assert math.isnan(energy.scaled[0]) and energy.scaled[3] == 0.6
    assert times.present.tolist() == [False, True, False, False]
    assert np.isnan(times.utc_s).tolist() == [True, False, True, True]
    start = at(2026, 1, 1).timestamp()
    assert times.filled_utc_s(900).tolist()[1:] == [start, start + 900, start + 1800]
    assert math.isnan(times.filled_utc_s(900)[0])


WRONG_TIMES = {
    # octets of a date-time that no calendar has, or that has no deviation
    "30 February": ("07EA021E01000000000000 00", True),
    "month 13": ("07EA0D0101000000000000 00", True),
    "hour 24": ("07EA010101180000000000 00", True),
    "minute not specified": ("07EA01010100FF00000000 00", True),
    "all not specified": ("FFFFFFFFFFFFFFFFFF8000 FF", True),
    "no deviation": ("07EA0101010000000080 00 00", False),
}


@pytest.mark.parametrize("octets, none", WRONG_TIMES.values(), ids=WRONG_TIMES)
def test_a_time_that_is_none(octets, none):
    (times,) = decode(buffer([(OctetString(bytes.fromhex(octets)),)]), [CLOCK])
    assert math.isnan(times.utc_s[0])
    assert math.isnan(times.local_s[0]) is none
    assert times.octets[0].tobytes() == bytes.fromhex(octets)  # what came is kept


@given(st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30)))
def test_every_calendar_day(moment):
    moment = moment.replace(microsecond=moment.microsecond // 10_000 * 10_000)
    moment = moment.replace(tzinfo=datetime.UTC)
    (times,) = decode(buffer([(clock(moment),)]), [CLOCK])
    assert times.utc_s[0] == pytest.approx(moment.timestamp(), abs=0.005)


def test_other_types_keep_their_values():
    rows = [(VisibleString("A1"), BitString(4, b"\xa0")), (VisibleString("B22"), NULL)]
    serials, status = decode(buffer(rows), [SERIAL, STATUS])
    assert serials.values == (rows[0][0], rows[1][0])
    assert status.values == (rows[0][1], rows[0][1])


REFUSED = {
    # what: (hex, offset of the error); one column is expected
    "no array": ("02 01 12 00 05", 0),
    "a row that is no structure": ("01 01 12 00 05", 2),
    "a row of another length": ("01 01 02 02 12 00 05 12 00 06", 3),
    "a row cut short": ("01 02 02 01 12 00 05 02 01 12 00", 10),
    "trailing octets": ("01 01 02 01 12 00 05 00", 7),
    "more rows announced than octets": ("01 7F 02 01 12 00 05", 1),
    "an unknown tag": ("01 01 02 01 63 00 05", 4),
}


@pytest.mark.parametrize("octets, offset", REFUSED.values(), ids=REFUSED)
def test_refused_with_the_offset(octets, offset):
    with pytest.raises(ProtocolError) as caught:
        decode(bytes.fromhex(octets), [ENERGY])
    assert caught.value.offset == offset


def test_a_compact_array():
    """Two rows of (long-unsigned, double-long-unsigned), described once: Blue Book 4.1.5."""
    octets = bytes.fromhex("13 02 02 12 06 0C 0001 00000002 0003 00000004")
    first, second = decode(octets, [STATUS, ENERGY])
    assert first.raw.tolist() == [1, 3] and second.scaled.tolist() == [0.2, 0.4]


def test_a_decoder_forgets_nothing_and_mixes_nothing():
    decoder = Decoder([STATUS, ENERGY])
    for kinds in ((Unsigned, LongUnsigned), (LongUnsigned, LongUnsigned), (Unsigned, LongUnsigned)):
        rows = [tuple(kind(n) for kind in kinds) for n in range(5)]
        status, energy = decoder.decode(buffer(rows))
        assert status.raw.tolist() == energy.raw.tolist() == list(range(5))
    with pytest.raises(ProtocolError):
        decoder.decode(buffer([(Unsigned(1), LongUnsigned(1))])[:-1])


def test_an_empty_buffer():
    (energy,) = decode(bytes.fromhex("01 00"), [ENERGY])
    assert energy.scaled.tolist() == []


def test_rows_that_keep_changing_take_time_in_proportion():
    """Two layouts in turn, ten thousand rows: each is compared with few others."""
    rows = [(Unsigned(n % 200) if n % 2 else LongUnsigned(n % 200),) for n in range(10_000)]
    (series,) = decode(buffer(rows), [ENERGY])
    assert series.raw.tolist() == [n % 200 for n in range(10_000)]
