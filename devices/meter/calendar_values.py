"""The tables of an activity calendar as DLMS values, and such values as tables.

Blue Book 4.5.5 (seasons, weeks, day profiles) and 4.5.4 (special days).  What is written may be of
wrong types or name what this meter has not; the result says which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devices.meter.calendar import TARIFFS, Calendar, Day, Season, SpecialDay, Week
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import Time
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)

TARIFF_SCRIPTS = LogicalName("0.0.10.0.100.255")
ROWS_MAX = 48
"""Seasons, weeks, day profiles, switching times of a day and special days: of each so many."""


class BadCalendar(Exception):
    """A value that is no part of a calendar; which result it gives."""

    def __init__(self, result: DataAccessResult) -> None:
        super().__init__(result.name)
        self.result = result


def _fields(value: Value, *kinds: type[Any]) -> Any:
    """The elements of a structure of just these types."""
    if type(value) is not Structure or [type(each) for each in value] != list(kinds):
        raise BadCalendar(DataAccessResult.TYPE_UNMATCHED)
    return value


def rows(value: Value) -> Array:
    if type(value) is not Array:
        raise BadCalendar(DataAccessResult.TYPE_UNMATCHED)
    if len(value) > ROWS_MAX:
        raise BadCalendar(DataAccessResult.OTHER_REASON)
    return value


def _octets(value: bytes, count: int) -> bytes:
    if len(value) != count:
        raise BadCalendar(DataAccessResult.TYPE_UNMATCHED)
    return bytes(value)


# Values of a calendar, and calendars of values.


def _seasons(calendar: Calendar) -> Value:
    return Array(
        Structure((OctetString(s.name), OctetString(s.start), OctetString(s.week)))
        for s in calendar.seasons
    )


def _read_seasons(value: Value) -> tuple[Season, ...]:
    found = []
    for row in rows(value):
        name, start, week = _fields(row, OctetString, OctetString, OctetString)
        found.append(Season(bytes(name), _octets(start, 12), bytes(week)))
    return tuple(found)


def _weeks(calendar: Calendar) -> Value:
    return Array(
        Structure((OctetString(week.name), *map(Unsigned, week.days))) for week in calendar.weeks
    )


def _read_weeks(value: Value) -> tuple[Week, ...]:
    found = []
    for row in rows(value):
        name, *days = _fields(row, OctetString, *[Unsigned] * 7)
        found.append(Week(bytes(name), tuple(map(int, days))))
    return tuple(found)


def _days(calendar: Calendar) -> Value:
    def action(seconds: int, number: int) -> Structure:
        start = Time(seconds // 3600, seconds // 60 % 60, seconds % 60, 0)
        return Structure(
            (OctetString(start.octets), OctetString(TARIFF_SCRIPTS), LongUnsigned(number))
        )

    return Array(
        Structure((Unsigned(day.day_id), Array(action(*each) for each in day.actions)))
        for day in calendar.days
    )


def _read_days(value: Value) -> tuple[Day, ...]:
    found = []
    for row in rows(value):
        day_id, schedule = _fields(row, Unsigned, Array)
        actions = sorted(_read_action(each) for each in rows(schedule))
        found.append(Day(int(day_id), tuple(actions)))
    return tuple(found)


def _read_action(value: Value) -> tuple[int, int]:
    start, table, selector = _fields(value, OctetString, OctetString, LongUnsigned)
    begin = Time.from_octets(_octets(start, 4))
    hour, minute, second = begin.hour or 0, begin.minute or 0, begin.second or 0
    if table != TARIFF_SCRIPTS:
        raise BadCalendar(DataAccessResult.OBJECT_UNDEFINED)
    if hour > 23 or minute > 59 or second > 59 or not 1 <= selector <= TARIFFS:
        raise BadCalendar(DataAccessResult.OTHER_REASON)
    return hour * 3600 + minute * 60 + second, int(selector)


def _read_name(value: Value) -> bytes:
    if type(value) is not OctetString:
        raise BadCalendar(DataAccessResult.TYPE_UNMATCHED)
    return bytes(value)


PARTS: tuple[tuple[str, Callable[[Calendar], Value], Callable[[Value], Any]], ...] = (
    ("name", lambda calendar: OctetString(calendar.name), _read_name),
    ("seasons", _seasons, _read_seasons),
    ("weeks", _weeks, _read_weeks),
    ("days", _days, _read_days),
)
"""Attributes 2 to 5 of the active calendar, and 6 to 9 of the passive one."""


def special_value(day: SpecialDay) -> Structure:
    return Structure((LongUnsigned(day.index), OctetString(day.date), Unsigned(day.day_id)))


def read_special(value: Value) -> SpecialDay:
    index, day, day_id = _fields(value, LongUnsigned, OctetString, Unsigned)
    return SpecialDay(int(index), _octets(day, 5), int(day_id))
