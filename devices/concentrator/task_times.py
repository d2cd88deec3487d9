"""When a task falls due: so often from midnight on, by the concentrator's own clock.

Midnight is that of the task's zone.  What falls due more seldom than hourly does so at the same
time of the wall clock each day, also in summer; what falls due more often goes on evenly from one
midnight to the next, which a change to summer time moves by its hour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
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
    if not task.zone:
        # POSIX time began at a midnight, so days and parts of a day need no calendar.
        return math.floor((now - task.after_s) / task.every_s) * task.every_s + task.after_s
    start = max(each for each in _starts_around(task, now) if each <= now)
    if task.every_s > HOUR_S:
        return start
    return start + (now - start) // task.every_s * task.every_s


def next_due(task: Task, now: float) -> float:
    """The first due time after `now`."""
    last = last_due(task, now)
    if not task.zone:
        return last + task.every_s
    start = min(each for each in _starts_around(task, now) if each > now)
    return start if task.every_s > HOUR_S else min(start, last + task.every_s)


def open_until(task: Task, due: float) -> float:
    """Until when meters that did not answer are tried again."""
    return due + (min(task.window_s, task.every_s) if task.window_s else task.every_s)


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
