"""Rows into pages of a day: each interval once, in whatever order and how often it comes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.collection.intervals import Taken, by_day, empty_day, merged
from headend.domain.interval import IntervalDay, Row, RowQuality
from headend.domain.utility_day import day_of, ends_in, expected_in, span_of, stands

SANTIAGO = ZoneInfo("America/Santiago")
DAY = date(2026, 7, 6)
NOW = datetime(2026, 7, 8, tzinfo=UTC)
MIDNIGHT = round(datetime(2026, 7, 6, 4, tzinfo=UTC).timestamp())  # Santiago is at UTC-4 in winter
EMPTY = empty_day("4711", "1.0.99.1.0.255", DAY, 900, SANTIAGO)

# day, capture periods of 15 minutes; the clocks change on the first Sundays of April and September
DAYS = {
    "an ordinary day": (date(2026, 7, 6), 96),
    "the long day": (date(2026, 4, 4), 100),
    "the short day": (date(2026, 9, 6), 92),
}


@pytest.mark.parametrize(("day", "expected"), DAYS.values(), ids=DAYS)
def test_a_day_has_so_many_intervals(day: date, expected: int) -> None:
    assert expected_in(span_of(day, SANTIAGO), 900, SANTIAGO) == expected


# end of an interval, as seconds after Santiago's midnight of 6 July, and the day it belongs to
ENDS = {
    "the first of a day": (900, DAY),
    "one second into the day": (1, DAY),
    "the last, at midnight": (86_400, DAY),
    "midnight before": (0, date(2026, 7, 5)),
}


@pytest.mark.parametrize(("after", "day"), ENDS.values(), ids=ENDS)
def test_an_interval_belongs_to_the_day_in_which_it_ran(after: int, day: date) -> None:
    assert day_of(MIDNIGHT + after, SANTIAGO) == day


# A row's local time in Chile, the profile's capture period, and whether a period may end there.
STANDS = {
    "a day at midnight in winter": ("2026-07-06T00:00-04:00", 86_400, True),
    "and in summer": ("2026-12-06T00:00-03:00", 86_400, True),
    "at UTC's midnight": ("2026-07-05T20:00-04:00", 86_400, False),
    "where the clocks skip midnight": ("2026-09-06T01:00-03:00", 86_400, True),
    "at the end of the short day": ("2026-09-07T00:00-03:00", 86_400, True),
    "before the long day's second last hour": ("2026-04-04T23:00-03:00", 86_400, False),
    "after it": ("2026-04-05T00:00-04:00", 86_400, True),
    "a month": ("2026-08-01T00:00-04:00", 30 * 86_400, True),
    "a month that is billed on another day": ("2026-08-15T00:00-04:00", 31 * 86_400, True),
    "a month at noon": ("2026-08-01T12:00-04:00", 30 * 86_400, False),
    "a quarter of an hour": ("2026-09-06T01:15-03:00", 900, True),
    "seven seconds after it": ("2026-09-06T01:15:07-03:00", 900, False),
    "six hours of standard time in winter": ("2026-07-06T06:00-04:00", 21_600, True),
    "and in summer, by standard time": ("2026-12-06T07:00-03:00", 21_600, True),
    "on events": ("2026-07-06T11:12:13-04:00", 0, True),
}


@pytest.mark.parametrize(("local", "period_s", "there"), STANDS.values(), ids=STANDS)
def test_where_a_row_stands(local: str, period_s: int, there: bool) -> None:
    at = round(datetime.fromisoformat(local).timestamp())
    assert stands(at, period_s, SANTIAGO) is there


@given(
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    st.sampled_from([300, 900, 1800, 3600, 21_600, 86_400, 30 * 86_400]),
    st.sampled_from(["America/Santiago", "Asia/Kolkata", "Europe/Dublin", "Australia/Lord_Howe"]),
)
def test_every_period_ends_in_one_day_and_stands_there(day: date, period_s: int, name: str) -> None:
    zone = ZoneInfo(name)
    span, following = (span_of(day + timedelta(days=n), zone) for n in (0, 1))
    assert span.end == following.begin
    ends = ends_in(span, period_s, zone)
    assert all(stands(each, period_s, zone) and day_of(each, zone) == day for each in ends)
    if ends and period_s < 86_400:
        assert span.begin < ends[0] <= span.begin + period_s
        assert span.end - period_s < ends[-1] <= span.end
    assert set(ends).isdisjoint(ends_in(following, period_s, zone))


def row(place: int, value: int, quality: RowQuality = RowQuality.GOOD, layout: int = 1) -> Row:
    return Row(MIDNIGHT + 900 * place, 0, layout, int(quality), (None, value))


def stored(page: IntervalDay) -> list[tuple[int, int]]:
    return [(each.at, each.cells[1]) for each in page.rows if not each.quality & RowQuality.CHANGED]


portions = st.lists(
    st.lists(st.tuples(st.integers(1, 96), st.just(0)), max_size=20), min_size=1, max_size=6
)


@given(portions)
def test_repeats_and_disorder_leave_each_interval_once(told: list[list[tuple[int, int]]]) -> None:
    page, total = EMPTY, Taken()
    for portion in told:
        page, taken = merged(
            page, [row(place, place * 10) for place, _ in portion], on_events=False, now=NOW
        )
        total += taken
    places = {place for portion in told for place, _ in portion}
    assert stored(page) == [(MIDNIGHT + 900 * place, place * 10) for place in sorted(places)]
    assert (total.new, total.changed) == (len(places), 0)
    assert total.new + total.again == sum(len(portion) for portion in told)
    assert page.received == len(places)
    assert page.complete is (len(places) == 96)


def test_the_first_value_stands_and_another_one_is_kept_beside_it() -> None:
    page, _ = merged(EMPTY, [row(1, 100)], on_events=False, now=NOW)
    page, taken = merged(page, [row(1, 101)], on_events=False, now=NOW)
    assert taken == Taken(changed=1)
    assert stored(page) == [(MIDNIGHT + 900, 100)]
    assert (page.received, page.changed, len(page.rows)) == (1, 1, 2)
    again, taken = merged(page, [row(1, 101), row(1, 100)], on_events=False, now=NOW)
    assert (again, taken) == (page, Taken(again=2))


def test_events_of_one_second_are_told_apart_by_what_they_say() -> None:
    page, taken = merged(EMPTY, [row(1, 10), row(1, 11), row(1, 10)], on_events=True, now=NOW)
    assert taken == Taken(new=2, again=1)
    assert len(page.rows) == 2


def test_what_stands_between_two_periods_fills_no_interval() -> None:
    odd = row(1, 5, RowQuality.OFF_PERIOD)._replace(at=MIDNIGHT + 907)
    page, _ = merged(EMPTY, [odd, row(2, 6, RowQuality.LATE)], on_events=False, now=NOW)
    assert (page.received, page.late, len(page.rows)) == (1, 1, 2)


def test_rows_are_parted_at_midnight() -> None:
    rows = [row(96, 3), row(97, 4), row(0, 1), row(1, 2)]
    days = [(day, [each.cells[1] for each in found]) for day, found in by_day(rows, SANTIAGO)]
    assert days == [(date(2026, 7, 5), [1]), (DAY, [2, 3]), (date(2026, 7, 7), [4])]
