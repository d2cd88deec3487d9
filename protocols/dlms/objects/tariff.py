"""A tariff calendar as the values of an activity calendar and of special days, and back.

Blue Book 4.5.5 (class 20: seasons, weeks, day profiles) and 4.5.4 (class 11).  A switching runs a
script of the table of tariffs, 0.0.10.0.100.255, whose scripts are numbered as tariffs are.  What a
meter has may be in another order, or say "any" where we say zero: two calendars are compared by
what they mean.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from protocols.concentrator.tariff import (
    DayProfile,
    Season,
    SpecialDay,
    Switching,
    TariffWanted,
    WeekProfile,
)
from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.values import (
    Array,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)

ACTIVITY_CALENDAR = LogicalName("0.0.13.0.0.255")
SPECIAL_DAYS = LogicalName("0.0.11.0.0.255")
TARIFF_SCRIPTS = LogicalName("0.0.10.0.100.255")
NEVER = OctetString(DateTime(Date(), Time(), None, None).octets)
"""An activation time that is not specified: a method alone begins the calendar."""
CALENDAR_CLASS, SPECIAL_DAYS_CLASS = 20, 11

Tables = tuple[bytes, frozenset[object], frozenset[object], frozenset[object]]
"""A calendar by what it means: its name, seasons, weeks, days."""


def calendar_values(wanted: TariffWanted) -> tuple[Value, Value, Value, Value]:
    """Attributes 6 to 9, the passive calendar: name, seasons, weeks, days."""
    return (
        OctetString(wanted.name.encode("ascii")),
        Array(map(_season, wanted.seasons)),
        Array(map(_week, wanted.weeks)),
        Array(map(_day, wanted.days)),
    )


def special_days_value(days: tuple[SpecialDay, ...]) -> Value:
    """Attribute 2 of class 11, numbered from 1."""
    return Array(
        Structure(
            (
                LongUnsigned(index),
                OctetString(Date(day.year, day.month, day.day, None).octets),
                Unsigned(day.profile),
            )
        )
        for index, day in enumerate(days, 1)
    )


def activation_value(at: datetime, zone: str) -> OctetString:
    """Attribute 10: local time with its deviation."""
    return OctetString(DateTime.from_datetime(at.astimezone(ZoneInfo(zone))).octets)


def tables(name: Value, seasons: Value, weeks: Value, days: Value) -> Tables:
    """What four attributes mean.  Raises `shape.Misshapen`."""
    return (
        shape.octets(name, "calendar name"),
        frozenset(_season_told(row) for row in shape.elements(seasons, "seasons")),
        frozenset(_week_told(row) for row in shape.elements(weeks, "weeks")),
        frozenset(_day_told(row) for row in shape.elements(days, "days")),
    )


def special_days_told(value: Value) -> frozenset[object]:
    """What class 11 holds: date and profile of each.  Raises `shape.Misshapen`."""
    found = []
    for row in shape.elements(value, "special days"):
        _, date, profile, *_ = shape.members(row, "special day", 3)
        found.append((shape.octets(date, "special day")[:4], shape.integer(profile, "day_id")))
    return frozenset(found)


def _season(season: Season) -> Value:
    start = DateTime(Date(None, season.month, season.day, None), Time(0, 0, 0, 0), None, None)
    return Structure(
        (
            OctetString(season.name.encode("ascii")),
            OctetString(start.octets),
            OctetString(season.week.encode("ascii")),
        )
    )


def _season_told(row: Value) -> object:
    name, start, week, *_ = shape.members(row, "season", 3)
    begin = shape.moment(start, "season start")
    time = begin.time
    return (
        shape.octets(name, "season"),
        (begin.date.year, begin.date.month, begin.date.day, begin.date.weekday),
        (time.hour or 0, time.minute or 0, time.second or 0),
        shape.octets(week, "season week"),
    )


def _week(week: WeekProfile) -> Value:
    return Structure((OctetString(week.name.encode("ascii")), *map(Unsigned, week.days)))


def _week_told(row: Value) -> object:
    name, *days = shape.members(row, "week", 8)[:8]
    return shape.octets(name, "week"), tuple(shape.integer(day, "day_id") for day in days)


def _day(day: DayProfile) -> Value:
    return Structure((Unsigned(day.id), Array(map(_switching, day.switchings))))


def _switching(each: Switching) -> Value:
    hour, rest = divmod(each.at_s, 3600)
    start = Time(hour, rest // 60, rest % 60, 0)
    return Structure(
        (OctetString(start.octets), OctetString(TARIFF_SCRIPTS), LongUnsigned(each.tariff))
    )


def _day_told(row: Value) -> object:
    day_id, schedule, *_ = shape.members(row, "day profile", 2)
    switchings = []
    for each in shape.elements(schedule, "day schedule"):
        start, table, selector, *_ = shape.members(each, "switching", 3)
        octets = shape.octets(start, "start_time")
        if len(octets) != 4:
            raise shape.Misshapen("start_time has 4 octets")
        begin = Time.from_octets(octets)
        switchings.append(
            (
                (begin.hour or 0, begin.minute or 0, begin.second or 0),
                shape.octets(table, "script table"),
                shape.integer(selector, "script selector"),
            )
        )
    return shape.integer(day_id, "day_id"), frozenset(switchings)
