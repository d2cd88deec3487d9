"""A tariff calendar as values: seasons, weeks, days, special days (Blue Book 4.5.5 and 4.5.4).

A season begins on its date each year and lasts until the next one begins; its week says which day
profile each weekday has; a special day has its own.  A day profile starts a tariff at each of its
times, and the last one goes on into the next day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from devices.meter import meter_clock
from protocols.dlms.date_time import Date

TARIFFS = 4


@dataclass(frozen=True, slots=True)
class Season:
    """`start` is a date-time of 12 octets whose year is usually not specified."""

    name: bytes
    start: bytes
    week: bytes


@dataclass(frozen=True, slots=True)
class Week:
    """The day profiles of Monday to Sunday."""

    name: bytes
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """A day profile: (seconds after midnight, tariff), in their order."""

    day_id: int
    actions: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day that has its own profile; a year that is not specified means every year."""

    index: int
    date: bytes
    day_id: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """One of the two calendars of a meter, the active or the passive one."""

    name: bytes = b""
    seasons: tuple[Season, ...] = ()
    weeks: tuple[Week, ...] = ()
    days: tuple[Day, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A calendar with the special days that interrupt it: what decides about tariffs."""

    calendar: Calendar
    special_days: tuple[SpecialDay, ...] = ()

    def actions(self, day: date) -> tuple[tuple[int, int], ...]:
        """(seconds after midnight, tariff) on this day; nothing where the calendar says nothing."""
        return _actions(self, day)

    def tariff(self, day: date, seconds: float) -> int:
        """The tariff that holds at a local time; 1 where the calendar has not started any."""
        for back in range(8):
            there = self.actions(day - timedelta(days=back))
            begun = [number for start, number in there if back or start <= seconds]
            if begun:
                return begun[-1]
        return 1


@lru_cache(maxsize=4096)
def _actions(plan: Plan, day: date) -> tuple[tuple[int, int], ...]:
    wanted = _day_id(plan, day)
    for profile in plan.calendar.days:
        if profile.day_id == wanted:
            return profile.actions
    return ()


def _day_id(plan: Plan, day: date) -> int | None:
    for special in plan.special_days:
        if meter_clock.day_of(Date.from_octets(special.date), day.year) == day:
            return special.day_id
    season = _season(plan.calendar, day)
    if season is None:
        return None
    for week in plan.calendar.weeks:
        if week.name == season.week:
            return week.days[day.weekday()]
    return None


def _season(calendar: Calendar, day: date) -> Season | None:
    """The season that began last, this year or the year before."""
    found: tuple[date, Season] | None = None
    for season in calendar.seasons:
        for year in (day.year - 1, day.year):
            start = meter_clock.yearly(season.start, year)
            if start is None or start.date() > day:
                continue
            if found is None or start.date() >= found[0]:
                found = start.date(), season
    return None if found is None else found[1]


def _start(month: int, day: int) -> bytes:
    return bytes((0xFF, 0xFF, month, day, 0xFF, 0, 0, 0, 0, 0x80, 0, 0xFF))


DELIVERED = Calendar(
    b"DEFAULT",
    seasons=(Season(b"YEAR", _start(1, 1), b"WEEK"),),
    weeks=(Week(b"WEEK", (1, 1, 1, 1, 1, 2, 2)),),
    days=(
        Day(1, ((0, 1), (7 * 3600, 2), (18 * 3600, 3), (22 * 3600, 1))),
        Day(2, ((0, 1),)),
    ),
)
"""As delivered: nights and weekends are tariff 1, working days 2, their evening peak 3."""
