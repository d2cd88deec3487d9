"""When tasks fall due, by the clocks of a zone.

A time that the clocks skip (in America/Santiago 00:00 of a Sunday in September) is the next moment
that there is, when they jump; of one that comes twice the first counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from headend.domain.task import Every, Schedule, Weekday

INTERVAL_MIN_S = 60
INTERVAL_MAX_S = 366 * 86_400
YEARS = 1971, 9997
_DAY = timedelta(days=1)
_LAST_DAY = date(9998, 12, 31)


@dataclass(frozen=True, slots=True)
class Turns:
    """The newest of the times that fell due, the earliest first, and how many there were in all."""

    newest: tuple[datetime, ...]
    count: int


def wrong_with(schedule: Schedule) -> str | None:
    """Why a schedule cannot be used; None where it can."""
    every = schedule.every
    if (schedule.on is not None) is not (every is Every.ONCE):
        return "once has a day, and the others have none: on"
    if bool(schedule.weekdays) is not (every is Every.WEEKLY):
        return "weekly has days of the week, and the others have none: weekdays"
    if (schedule.interval_s is not None) is not (every is Every.INTERVAL):
        return "an interval has a length, and the others have none: interval_s"
    if every is Every.INTERVAL:
        assert schedule.interval_s is not None
        if not INTERVAL_MIN_S <= schedule.interval_s <= INTERVAL_MAX_S:
            return f"interval_s is from {INTERVAL_MIN_S} to {INTERVAL_MAX_S} seconds"
        if schedule.start is None:
            return "an interval is counted from its start: start"
    if schedule.at.tzinfo is not None:
        return "at is by the utility's clocks, and has no zone of its own"
    for name in ("start", "end"):
        value = getattr(schedule, name)
        if value is not None and value.tzinfo is None:
            return f"{name} has no zone: let it end in Z or +hh:mm"
    for name in ("on", "start", "end"):
        # The calendar's edges cannot be moved into another zone.
        value = getattr(schedule, name)
        if value is not None and not YEARS[0] <= value.year <= YEARS[1]:
            return f"{name} is in the years from {YEARS[0]} to {YEARS[1]}"
    if schedule.start and schedule.end and schedule.end < schedule.start:
        return "it ends before it starts"
    return None


def instant_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When it is `at` on a day, UTC; where clocks skip it, when they do."""
    wall = datetime.combine(day, at)
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # Of a time that is skipped, fold 1 reckons with the offset after the jump, and so leads before
    # it, fold 0 behind it (PEP 495).
    before, behind = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    offset = before.astimezone(zone).utcoffset()
    while behind - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((behind - before).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            behind = middle
    return behind


def next_after(schedule: Schedule, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first time behind `after` (aware) at which it falls due, UTC; None where there is none.
    The schedule is one that nothing is wrong with."""
    if schedule.start is not None:
        after = max(after, schedule.start - timedelta(microseconds=1))
    if schedule.every is Every.INTERVAL:
        assert schedule.interval_s is not None and schedule.start is not None
        length = timedelta(seconds=schedule.interval_s)
        passed = (after - schedule.start) // length + 1
        found: datetime | None = (schedule.start + passed * length).astimezone(UTC)
    else:
        found = next((each for each in _of_days(schedule, after, zone) if each > after), None)
    if found is None or (schedule.end is not None and found > schedule.end):
        return None
    return found


def turns(schedule: Schedule, first: datetime, until: datetime, zone: ZoneInfo, most: int) -> Turns:
    """Those from `first`, which is one of them, up to and with `until`; of them the newest
    `most`."""
    if schedule.every is Every.INTERVAL:
        return _of_interval(schedule, first, until, most)
    kept: deque[datetime] = deque(maxlen=most)
    count, at = 0, first
    while at <= until:
        kept.append(at)
        count += 1
        following = next_after(schedule, at, zone)
        if following is None:
            break
        at = following
    return Turns(tuple(kept), count)


def _of_interval(schedule: Schedule, first: datetime, until: datetime, most: int) -> Turns:
    """By reckoning: a minute's task may have missed a year."""
    assert schedule.interval_s is not None
    length = timedelta(seconds=schedule.interval_s)
    if schedule.end is not None:
        until = min(until, schedule.end)
    count = (until - first) // length + 1 if until >= first else 0
    return Turns(tuple(first + n * length for n in range(max(0, count - most), count)), count)


def _of_days(schedule: Schedule, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Its times from the day before on, each once: a day that is skipped as a whole falls on the
    next one."""
    if schedule.every is Every.ONCE:
        assert schedule.on is not None
        yield instant_of(schedule.on, schedule.at, zone)
        return
    days = _days(schedule, after.astimezone(zone).date() - _DAY)
    times = (instant_of(day, schedule.at, zone) for day in days)
    earlier: datetime | None = None
    for at in times:
        if earlier is None or at > earlier:
            yield at
            earlier = at


def _days(schedule: Schedule, first: date) -> Iterator[date]:
    """The days on which it falls due."""
    wanted = {list(Weekday).index(each) for each in schedule.weekdays}
    day = first
    while day <= _LAST_DAY:
        if not wanted or day.weekday() in wanted:
            yield day
        day += _DAY
