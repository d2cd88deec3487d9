"""Single action schedules, class 22: scripts that run at times of the meter's clock.

Blue Book 4.5.7.  Execution times may have wildcards.  A time that passed while the meter was
without power, or that the clock was set past, is not caught up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from devices.meter import meter_clock
from devices.meter.meter_clock import TimeRules
from devices.meter.state import MeterState
from protocols.dlms.date_time import Date, Time
from protocols.dlms.logical_name import LogicalName

HORIZON_DAYS = 366
"""How far ahead an execution time is looked for: each time of a year comes within it."""

Times = tuple[tuple[bytes, bytes], ...]
"""Time and date, 4 and 5 octets."""


@dataclass(slots=True)
class Scheduled:
    """One schedule that somebody filled."""

    table: LogicalName
    selector: int
    times: Times
    due: float | None
    """When it runs next, by the meter's clock."""


@dataclass(slots=True)
class ActionSchedules:
    """All schedules of a meter that run anything."""

    filled: dict[LogicalName, Scheduled] = field(default_factory=dict)

    @classmethod
    def of(cls, meter: MeterState) -> ActionSchedules:
        return cls()

    def fill(
        self,
        meter: MeterState,
        name: LogicalName,
        script: tuple[LogicalName, int],
        times: Times,
        now: float,
    ) -> None:
        """Other execution times from now on; none empties the schedule."""
        self.filled.pop(name, None)
        if times:
            due = following(times, meter.time(now), meter.rules)
            self.filled[name] = Scheduled(*script, times, due)

    def next_deadline(self, meter: MeterState) -> float | None:
        due = min((s.due for s in self.filled.values() if s.due is not None), default=None)
        return None if due is None else meter.world_time(due)

    def advance(self, meter: MeterState, now: float) -> None:
        meter_time = meter.time(now)
        for schedule in tuple(self.filled.values()):
            if schedule.due is None or schedule.due > meter_time:
                continue
            schedule.due = following(schedule.times, meter_time, meter.rules)
            meter.execute(schedule.table, schedule.selector, now=now, cause="schedule")


def following(times: Times, meter_time: float, rules: TimeRules) -> float | None:
    """The first execution time after a moment of the meter's clock."""
    found = [_next(*each, meter_time, rules) for each in times]
    return min((each for each in found if each is not None), default=None)


def _next(time_octets: bytes, date_octets: bytes, after: float, rules: TimeRules) -> float | None:
    days, clock = Date.from_octets(date_octets), Time.from_octets(time_octets)
    first = rules.local_date(after)
    for ahead in range(HORIZON_DAYS + 1):
        day = first + timedelta(days=ahead)
        if not _matches(days, day):
            continue
        for local in _times_of(clock):
            moment = rules.utc_of(datetime.combine(day, local))
            if moment > after:
                return moment
    return None


def _matches(pattern: Date, day: date) -> bool:
    if pattern.year not in (None, day.year) or pattern.month not in (None, day.month):
        return False
    if pattern.day is None:
        return pattern.weekday in (None, day.isoweekday())
    this_month = Date(day.year, day.month, pattern.day, pattern.weekday)
    return meter_clock.day_of(this_month, day.year) == day


def _times_of(pattern: Time) -> Iterator[time]:
    """The times of a day, to the minute or second; seconds that are not specified are 0."""
    hours = range(24) if pattern.hour is None else (pattern.hour,)
    minutes = range(60) if pattern.minute is None else (pattern.minute,)
    second = pattern.second or 0
    for hour in hours:
        for minute in minutes:
            if hour < 24 and minute < 60 and second < 60:
                yield time(hour, minute, second, tzinfo=None)


def valid(times: Times) -> bool:
    """Whether every time has octets of the right length."""
    return all(len(clock) == 4 and len(day) == 5 for clock, day in times)
