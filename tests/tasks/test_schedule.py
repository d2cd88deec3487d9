"""When tasks fall due: over the clocks of Santiago, which skip and repeat hours, and elsewhere.

The rules held: a time that is skipped is the next moment there is, one that comes twice counts
once, and nothing falls due twice or out of order.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headend.domain.task import Every, Schedule, Weekday
from headend.tasks.schedule import instant_of, next_after, turns, wrong_with
from tests import databases

pytestmark = databases.on_one

SANTIAGO, MEXICO, APIA, LORD_HOWE = map(
    ZoneInfo, ("America/Santiago", "America/Mexico_City", "Pacific/Apia", "Australia/Lord_Howe")
)
ZONES = st.sampled_from([SANTIAGO, MEXICO, APIA, LORD_HOWE])
DAYS = st.dates(date(2011, 1, 1), date(2030, 12, 31))
TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "at", "wanted"),
    [
        # Chile's clocks jump from 24:00 of the first Saturday of September to 01:00: tzdata 2026.
        (SANTIAGO, date(2026, 9, 6), time(0), "2026-09-06T04:00:00"),
        (SANTIAGO, date(2026, 9, 6), time(0, 59, 59), "2026-09-06T04:00:00"),
        (SANTIAGO, date(2026, 9, 6), time(1), "2026-09-06T04:00:00"),
        (SANTIAGO, date(2026, 9, 6), time(5, 40), "2026-09-06T08:40:00"),
        # They fall back from 24:00 of the first Saturday of April to 23:00: 23:30 comes twice.
        (SANTIAGO, date(2026, 4, 4), time(23, 30), "2026-04-05T02:30:00"),
        (SANTIAGO, date(2026, 4, 5), time(0), "2026-04-05T04:00:00"),
        # Samoa skipped the 30th of December 2011.
        (APIA, date(2011, 12, 30), time(5, 40), "2011-12-30T10:00:00"),
        # Lord Howe's jump is of half an hour, at 02:00.
        (LORD_HOWE, date(2026, 10, 4), time(2, 10), "2026-10-03T15:30:00"),
        (MEXICO, date(2026, 9, 6), time(0), "2026-09-06T06:00:00"),
    ],
)
def test_when_it_is(zone: ZoneInfo, day: date, at: time, wanted: str) -> None:
    assert instant_of(day, at, zone) == utc(wanted)


@settings(max_examples=60, deadline=None)
@given(DAYS, TIMES, ZONES)
def test_a_time_of_day_is_met_or_is_the_first_after_it(day: date, at: time, zone: ZoneInfo) -> None:
    found = instant_of(day, at, zone)
    wall = found.astimezone(zone).replace(tzinfo=None)
    wanted = datetime.combine(day, at)
    assert wall >= wanted
    if wall > wanted:  # skipped: a second earlier the clocks were before it
        earlier = (found - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
        assert earlier < wanted
    before = (found - timedelta(hours=2)).astimezone(zone).replace(tzinfo=None)
    assert before != wanted, "of one that comes twice the first"


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    every = draw(st.sampled_from([Every.DAILY, Every.WEEKLY, Every.INTERVAL]))
    start = draw(st.none() | st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 1)))
    begun = None if start is None else start.replace(tzinfo=UTC)
    span = draw(st.none() | st.integers(0, 200))
    end = None if begun is None or span is None else begun + timedelta(days=span)
    days = tuple(draw(st.sets(st.sampled_from([*Weekday]), min_size=1)))
    return Schedule(
        every=every,
        at=draw(TIMES) if every is not Every.INTERVAL else time(0),
        weekdays=days if every is Every.WEEKLY else (),
        interval_s=draw(st.integers(60, 10**6)) if every is Every.INTERVAL else None,
        start=begun or (utc("2025-06-01") if every is Every.INTERVAL else None),
        end=end,
    )


@settings(max_examples=40, deadline=None)
@given(schedules(), st.datetimes(datetime(2026, 3, 1), datetime(2026, 9, 30)), ZONES)
def test_turns_are_those_that_come_one_after_the_other(
    schedule: Schedule, after: datetime, zone: ZoneInfo
) -> None:
    assert wrong_with(schedule) is None
    now, found = after.replace(tzinfo=UTC), []
    while (due := next_after(schedule, now, zone)) is not None and len(found) < 12:
        assert due > now, "never twice, never backwards"
        assert schedule.start is None or due >= schedule.start
        assert schedule.end is None or due <= schedule.end
        found.append(due)
        now = due
    if found:
        come = turns(schedule, found[0], found[-1], zone, 5)
        assert (come.newest, come.count) == (tuple(found[-5:]), len(found))


@settings(max_examples=20, deadline=None)
@given(TIMES)
def test_a_daily_task_comes_once_a_day_the_year_round_in_santiago(at: time) -> None:
    schedule = Schedule(every=Every.DAILY, at=at)
    now = instant_of(date(2026, 1, 1), time(0), SANTIAGO) - timedelta(seconds=1)
    days = []
    for _ in range(365):
        due = next_after(schedule, now, SANTIAGO)
        assert due is not None
        days.append(due.astimezone(SANTIAGO).date())
        now = due
    assert days == [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]


def test_a_weekly_one_keeps_to_its_days() -> None:
    schedule = Schedule(every=Every.WEEKLY, at=time(7), weekdays=(Weekday.SUN, Weekday.WED))
    now = utc("2026-09-03T00:00:00")
    found = []
    for _ in range(4):
        due = next_after(schedule, now, SANTIAGO)
        assert due is not None
        found.append(due.astimezone(SANTIAGO).strftime("%a %H:%M"))
        now = due
    assert found == ["Sun 07:00", "Wed 07:00", "Sun 07:00", "Wed 07:00"]


def test_once_is_once() -> None:
    schedule = Schedule(every=Every.ONCE, on=date(2026, 9, 6), at=time(0))
    due = next_after(schedule, utc("2026-09-01"), SANTIAGO)
    assert due == utc("2026-09-06T04:00:00")
    assert next_after(schedule, due, SANTIAGO) is None


def test_a_year_of_minutes_is_reckoned_and_not_walked() -> None:
    start = utc("2025-01-01")
    schedule = Schedule(every=Every.INTERVAL, interval_s=60, start=start)
    come = turns(schedule, start, start + timedelta(days=365), SANTIAGO, 3)
    assert (come.count, len(come.newest)) == (365 * 1440 + 1, 3)
    assert come.newest[-1] == start + timedelta(days=365)


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        (Schedule(every=Every.ONCE), "once has a day"),
        (Schedule(every=Every.DAILY, on=date(2026, 1, 1)), "once has a day"),
        (Schedule(every=Every.WEEKLY), "weekly has days"),
        (Schedule(every=Every.DAILY, weekdays=(Weekday.MON,)), "weekly has days"),
        (Schedule(every=Every.INTERVAL), "an interval has a length"),
        (Schedule(every=Every.INTERVAL, interval_s=60), "counted from its start"),
        (Schedule(every=Every.INTERVAL, interval_s=1, start=utc("2026-01-01")), "from 60"),
        (Schedule(every=Every.DAILY, start=datetime(2026, 1, 1)), "start has no zone"),
        (Schedule(every=Every.DAILY, start=utc("0001-01-01")), "start is in the years"),
        (Schedule(every=Every.DAILY, end=utc("9999-12-31")), "end is in the years"),
        (Schedule(every=Every.ONCE, on=date(9999, 12, 31), at=time(23, 59)), "on is in the years"),
        (
            Schedule(every=Every.DAILY, start=utc("2026-01-02"), end=utc("2026-01-01")),
            "ends before it starts",
        ),
    ],
)
def test_what_is_no_schedule(schedule: Schedule, why: str) -> None:
    assert why in (wrong_with(schedule) or "")
