"""When a task falls due: so often from midnight on, by the concentrator's own clock.

Midnight is that of the task's zone.  What falls due more seldom than hourly does so at the same
time of the wall clock each day, also in summer; what falls due more often goes on evenly from one
midnight to the next, which a change to summer time moves by its hour.  What falls due by the week
or the month does so past the midnight of its day; of a month that is shorter the last day counts.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from protocols.concentrator.collecting import Task

HOUR_S, DAY_S = 3600, 86_400
_EPOCH = date(1970, 1, 1)


def without_zone(tasks: Iterable[Task]) -> list[Task]:
    """Tasks whose time zone is not known here, so that nobody could tell when they fall due."""
    return [task for task in tasks if task.zone and not _known(task.zone)]


def _known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a name such as "America" is a folder's
        return False
    return True


def last_due(task: Task, now: float) -> float:
    """The newest due time that is not after `now`; both are POSIX seconds."""
    if by_calendar(task):
        return max(each for each in _calendar_around(task, now) if each <= now)
    if not task.zone:
        # POSIX time began at a midnight, so days and parts of a day need no calendar.
        return math.floor((now - task.after_s) / task.every_s) * task.every_s + task.after_s
    start = max(each for each in _starts_around(task, now) if each <= now)
    if task.every_s > HOUR_S:
        return start
    return start + (now - start) // task.every_s * task.every_s


def next_due(task: Task, now: float) -> float:
    """The first due time after `now`."""
    if by_calendar(task):
        return min(each for each in _calendar_around(task, now) if each > now)
    last = last_due(task, now)
    if not task.zone:
        return last + task.every_s
    start = min(each for each in _starts_around(task, now) if each > now)
    return start if task.every_s > HOUR_S else min(start, last + task.every_s)


def open_until(task: Task, due: float) -> float:
    """Until when meters that did not answer are tried again."""
    if by_calendar(task):
        following = next_due(task, due)
        return min(due + task.window_s, following) if task.window_s else following
    return due + (min(task.window_s, task.every_s) if task.window_s else task.every_s)


def by_calendar(task: Task) -> bool:
    """Whether it falls due on a day of the week or the month."""
    return task.weekday is not None or task.day is not None


def last_midnight(task: Task, now: float) -> float:
    """The newest midnight of the task's zone that is not after `now`."""
    if not task.zone:
        return float(now // DAY_S * DAY_S)
    zone = ZoneInfo(task.zone)
    return datetime.combine(datetime.fromtimestamp(now, zone), time(), zone).timestamp()


def _starts_around(task: Task, now: float) -> list[float]:
    """Where due times begin anew, from before `now` until after it."""
    today = datetime.fromtimestamp(now, ZoneInfo(task.zone)).date()
    days = 1 + max(1, task.every_s // DAY_S)  # `after_s` may reach into the day after
    found: list[float] = []
    for ahead in range(-days, days + 1):
        day = today + timedelta(days=ahead)
        found += _starts(task.zone, task.every_s, task.after_s, day)
    return found


def _calendar_around(task: Task, now: float) -> list[float]:
    """Due times by the calendar, from before `now` until after it; `after_s` may reach into the
    next week or month."""
    zone = ZoneInfo(task.zone) if task.zone else UTC
    today = datetime.fromtimestamp(now, zone).date()
    days: Iterable[date]
    if task.day is not None:
        months = (today.year * 12 + today.month - 1 + ahead for ahead in range(-2, 3))
        days = (_day_of(number // 12, number % 12 + 1, task.day) for number in months)
    else:
        assert task.weekday is not None
        first = today + timedelta(days=task.weekday - today.isoweekday())
        days = (first + timedelta(days=7 * ahead) for ahead in range(-2, 3))
    walls = (datetime.combine(day, time()) + timedelta(seconds=task.after_s) for day in days)
    return [wall.replace(tzinfo=zone).timestamp() for wall in walls]


def _day_of(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


@lru_cache(maxsize=4096)
def _starts(zone: str, every_s: int, after_s: int, day: date) -> tuple[float, ...]:
    """Of one local day."""
    midnight = datetime.combine(day, time())
    if every_s <= HOUR_S:
        return (midnight.replace(tzinfo=ZoneInfo(zone)).timestamp() + after_s,)
    if (day - _EPOCH).days % max(1, every_s // DAY_S):
        return ()
    walls = (midnight + timedelta(seconds=after_s + at) for at in range(0, DAY_S, every_s))
    return tuple(wall.replace(tzinfo=ZoneInfo(zone)).timestamp() for wall in walls)
