"""When a profile's rows were captured: what octets and neighbours say, and what is odd."""

from __future__ import annotations

import datetime
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.date_time import ClockStatus, Date, DateTime, Time
from protocols.dlms.flaws import Flaw
from protocols.dlms.row_times import flaws_of, row_times, time_octets
from protocols.dlms.values import NULL, DateTimeValue, OctetString, Unsigned

CHILE = ZoneInfo("America/Santiago")
NOON = datetime.datetime(2026, 7, 6, 12, tzinfo=datetime.UTC)
BAD = bytes.fromhex("07EA021E0108000000000000")  # 30 February 2026
NONE = b""
OK = Flaw.NONE


def at(minutes: int) -> bytes:
    return DateTime.from_datetime(NOON + timedelta(minutes=minutes)).octets


ROWS = {
    # name: (minutes after noon as written, minutes as understood, flaws, begins with the newest)
    "in order": ([0, 15, 30], [0, 15, 30], [OK] * 3, False),
    "with a gap": ([0, 45], [0, 45], [OK] * 2, False),
    "one between two": ([0, BAD, 30], [0, 15, 30], [OK, Flaw.NO_SUCH_DATE, OK], False),
    "the first": ([BAD, 15, 30], [0, 15, 30], [Flaw.NO_SUCH_DATE, OK, OK], False),
    "the last": ([0, 15, BAD], [0, 15, 30], [OK, OK, Flaw.NO_SUCH_DATE], False),
    "two in a row, from one side each": (
        [0, BAD, BAD, 45], [0, 15, 30, 45], [OK, Flaw.NO_SUCH_DATE, Flaw.NO_SUCH_DATE, OK], False,
    ),
    "none to go by": ([BAD], [None], [Flaw.NO_SUCH_DATE], False),
    "a gap that does not fit": ([0, BAD, 60], [0, None, 60], [OK, Flaw.NO_SUCH_DATE, OK], False),
    "left out, as DSMR allows": ([0, NONE, NONE, 45], [0, 15, 30, 45], [OK] * 4, False),
    "left out at the begin": ([NONE, 15], [0, 15], [Flaw.NO_SUCH_DATE, OK], False),
    "one twice": ([0, 15, 15, 30], [0, 15, 15, 30], [OK, OK, Flaw.REPEATED, OK], False),
    "one twice, apart": ([0, 15, 30, 15], [0, 15, 30, 15], [OK, OK, OK, Flaw.REPEATED], False),
    "two changed places": (
        [0, 30, 15, 45], [0, 30, 15, 45], [OK, OK, Flaw.OUT_OF_ORDER, OK], False,
    ),
    "newest first": ([30, 15, 0], [30, 15, 0], [OK] * 3, True),
    "newest first, one bad": ([30, BAD, 0], [30, 15, 0], [OK, Flaw.NO_SUCH_DATE, OK], True),
    "newest first, two changed places": (
        [30, 0, 15], [30, 0, 15], [OK, OK, Flaw.OUT_OF_ORDER], True,
    ),
    "in no order of time": ([30, 0, 15, 0], [30, 0, 15, 0], [OK] * 4, None),
}  # fmt: skip


@pytest.mark.parametrize("written, understood, flaws, newest_first", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("period_s", [900])
def test_rows(written, understood, flaws, newest_first, period_s):
    octets = [at(each) if isinstance(each, int) else each for each in written]
    found = row_times(octets, period_s, newest_first=newest_first)
    shown = [None if t.value is None else (t.value - NOON) / timedelta(minutes=1) for t in found]
    assert (shown, [each.flaws for each in found]) == (understood, flaws)
    assert [each.raw for each in found] == octets, "what came is kept"


EVENTS = {
    # name: (minutes, flaws): captured on events, so that no period is given
    "two events of one moment": ([0, 7, 7, 100], [OK] * 4),
    "the end of each day, one twice": (
        [0, 1440, 1440, 2880, 4320], [OK, OK, Flaw.REPEATED, OK, OK],
    ),
    "a clock set back between events": ([0, 7, 3, 100], [OK] * 4),
    "one event": ([0], [OK]),
    "none": ([], []),
}  # fmt: skip


@pytest.mark.parametrize("minutes, flaws", EVENTS.values(), ids=EVENTS)
def test_rows_that_events_capture(minutes, flaws):
    assert [each.flaws for each in row_times(list(map(at, minutes)), 0)] == flaws


def local(hour: int, minute: int, status: ClockStatus) -> bytes:
    return DateTime(Date(2026, 4, 4, 6), Time(hour, minute, 0, 0), None, status).octets


def test_the_hour_that_comes_twice_when_daylight_saving_ends_is_no_flaw():
    """Chile's clocks went from 24:00 of 2026-04-04 back to 23:00; a meter that names no deviation
    still says in its status which of the two hours it means."""
    rows = [local(23, minute, ClockStatus.DAYLIGHT_SAVING) for minute in (0, 15, 30, 45)]
    rows += [local(23, minute, ClockStatus.OK) for minute in (0, 15, 30, 45)]
    assert flaws_of(row_times(rows, 900)) is Flaw.NONE


PLACED = {
    # name: (deviation written, hours written after local midnight, zone, flaws)
    "right": (240, CHILE, OK),
    "wrong sign": (-240, CHILE, Flaw.DEVIATION_SIGN),
    "wrong sign, and nobody knows the zone": (-240, None, Flaw.DEVIATION_SIGN),
    "none but local time": (0, CHILE, Flaw.DEVIATION_IGNORED),
    "an hour off": (180, CHILE, Flaw.DEVIATION_DOUBTFUL),
}


@pytest.mark.parametrize("deviation, zone, flaw", PLACED.values(), ids=PLACED)
def test_rows_are_placed_by_when_they_were_read(deviation, zone, flaw):
    due = [NOON - timedelta(minutes=15 * back) for back in (3, 2, 1, 0)]
    rows = [
        DateTime.from_datetime(
            each.astimezone(CHILE).replace(tzinfo=datetime.timezone(-timedelta(minutes=deviation)))
        ).octets
        for each in due
    ]
    found = row_times(rows, 900, zone=zone, near=NOON + timedelta(minutes=7))
    assert [each.value for each in found] == due
    assert {each.flaws for each in found} == {flaw}
    assert [each.raw for each in found] == rows


def test_a_meter_that_captured_nothing_for_long_is_taken_at_its_word():
    rows = [at(-60 * 24 * 10), at(-60 * 24 * 10 + 15)]
    found = row_times(rows, 900, zone=CHILE, near=NOON)
    assert flaws_of(found) is Flaw.NONE and found[1].value == NOON - timedelta(days=10, minutes=-15)


CELLS = {
    "a date-time in an octet string": (OctetString(at(0)), at(0)),
    "a date-time": (DateTimeValue(DateTime.from_octets(at(0))), at(0)),
    "left out": (NULL, b""),
    "too short": (OctetString(b"\7"), b"\7"),
    "no time at all": (Unsigned(5), b"\x11\5"),
}


@pytest.mark.parametrize("cell, octets", CELLS.values(), ids=CELLS)
def test_what_stands_for_a_time(cell, octets):
    assert time_octets(cell) == octets


@given(
    st.lists(st.one_of(st.binary(max_size=14), st.integers(-9, 9).map(at)), max_size=8),
    st.sampled_from((0, 900, 86_400)),
    st.sampled_from((None, CHILE)),
    st.booleans(),
    st.sampled_from((False, True, None)),
)
def test_no_rows_are_too_dirty(told, period_s, zone, near, newest_first):
    found = row_times(
        told, period_s, zone=zone, near=NOON if near else None, newest_first=newest_first
    )
    assert [each.raw for each in found] == told
