"""The meter's own clock, class 8: local time with daylight saving, and what date-times mean.

Blue Book 4.5.1 (clock) and 4.1.6 (date and time).  Meter time is a number here, POSIX seconds as
the meter believes them to be; `TimeRules` makes local time of it.
"""

from __future__ import annotations

import calendar
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import inf

from protocols.dlms.date_time import (
    DAY_LAST_OF_MONTH,
    DAY_SECOND_LAST_OF_MONTH,
    ClockStatus,
    Date,
    DateTime,
    Time,
)

NOT_SPECIFIED = DateTime(Date(), Time(), None, None).octets
DAY_S = 86_400
EPOCH = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
"""Where a clock starts that has lost the time."""


@dataclass(frozen=True, slots=True)
class TimeRules:
    """How this meter makes local time: attributes 3 and 5 to 8 of its clock.

    `dst_begin` is in local standard time and `dst_end` in daylight-saving time, 12 octets each.
    """

    utc_offset_min: int = 0
    dst_begin: bytes = NOT_SPECIFIED
    dst_end: bytes = NOT_SPECIFIED
    dst_deviation_min: int = 0
    dst_enabled: bool = False

    def offset_s(self, meter_time: float) -> int:
        """What is added to UTC now, daylight saving included."""
        saved = self.dst_deviation_min if self.daylight_saving(meter_time) else 0
        return 60 * (self.utc_offset_min + saved)

    def daylight_saving(self, meter_time: float) -> bool:
        """Whether daylight saving holds at this moment."""
        if not self.dst_enabled:
            return False
        standard = datetime.fromtimestamp(meter_time + 60 * self.utc_offset_min, UTC)
        bounds = _saving(self, standard.year)
        if bounds is None:
            return False
        begin, end = bounds
        if begin < end:
            return begin <= meter_time < end
        return not end <= meter_time < begin  # the southern hemisphere

    def utc_of(self, local: datetime) -> float:
        """The moment of a naive local time.

        Of an hour that comes twice it is the first; one that is left out counts as standard time.
        """
        standard = local.replace(tzinfo=UTC).timestamp() - 60 * self.utc_offset_min
        saved = standard - 60 * self.dst_deviation_min
        return saved if self.daylight_saving(saved) else standard

    def local_date(self, meter_time: float) -> date:
        """The day on the meter's calendar."""
        return datetime.fromtimestamp(meter_time + self.offset_s(meter_time), UTC).date()

    def midnight(self, day: date) -> float:
        """When this day begins on the meter's calendar."""
        return self.utc_of(datetime.combine(day, time()))


@lru_cache(maxsize=256)
def _saving(rules: TimeRules, year: int) -> tuple[float, float] | None:
    """When daylight saving begins and ends in a year, or None when the rules name no moments."""
    begin, end = (yearly(each, year) for each in (rules.dst_begin, rules.dst_end))
    if begin is None or end is None:
        return None
    offset = 60 * rules.utc_offset_min
    return (
        begin.replace(tzinfo=UTC).timestamp() - offset,
        end.replace(tzinfo=UTC).timestamp() - offset - 60 * rules.dst_deviation_min,
    )


def yearly(date_time: bytes, year: int) -> datetime | None:
    """The naive local moment that a date-time with wildcards names in a year; None if none."""
    pattern = DateTime.from_octets(date_time)
    day = day_of(pattern.date, year)
    if day is None:
        return None
    parts = (pattern.time.hour or 0, pattern.time.minute or 0, pattern.time.second or 0)
    try:
        return datetime.combine(day, time(*parts))
    except ValueError:
        return None


def day_of(pattern: Date, year: int) -> date | None:
    """The day that a date with wildcards names in a year.

    A weekday with a day of the month is the first such weekday on or after it; with 'last day of
    the month' it is the last such weekday.
    """
    if pattern.year not in (None, year) or pattern.month is None or not 1 <= pattern.month <= 12:
        return None
    last = calendar.monthrange(year, pattern.month)[1]
    at_the_end = {DAY_LAST_OF_MONTH: last, DAY_SECOND_LAST_OF_MONTH: last - 1}
    number = 1 if pattern.day is None else at_the_end.get(pattern.day, pattern.day)
    if not 1 <= number <= last:
        return None
    day = date(year, pattern.month, number)
    if pattern.weekday is None:
        return day
    if pattern.day in at_the_end:
        return day - timedelta(days=(day.isoweekday() - pattern.weekday) % 7)
    return day + timedelta(days=(pattern.weekday - day.isoweekday()) % 7)


_OCTETS = struct.Struct(">HBBBBBBBhB")


def octets(meter_time: float, rules: TimeRules, status: int = 0) -> bytes:
    """A moment as this meter writes it, 12 octets: local time with its deviation."""
    offset_s = rules.offset_s(meter_time)
    local = datetime.fromtimestamp(meter_time + offset_s, UTC)
    if rules.daylight_saving(meter_time):
        status |= ClockStatus.DAYLIGHT_SAVING
    return _OCTETS.pack(
        local.year,
        local.month,
        local.day,
        local.isoweekday(),
        local.hour,
        local.minute,
        local.second,
        local.microsecond // 10_000,
        -offset_s // 60,
        status,
    )


def shown(meter_time: float, rules: TimeRules, status: ClockStatus = ClockStatus.OK) -> DateTime:
    """A moment as this meter writes it: local time with its deviation."""
    return DateTime.from_octets(octets(meter_time, rules, status))


def understood(date_time: bytes, rules: TimeRules) -> float | None:
    """The moment of a date-time, POSIX seconds; None when it is no single moment.

    Without a deviation it is the meter's local time.
    """
    try:
        moment = DateTime.from_octets(date_time).to_datetime()
        return rules.utc_of(moment) if moment.tzinfo is None else moment.timestamp()
    except (OverflowError, ValueError, OSError):
        return None


def bound(date_time: bytes, rules: TimeRules, *, last: bool) -> float | None:
    """One end of a range: what is not specified reaches as far as it can; None for no moment.

    Clients leave out seconds, the time of a day, or everything where they want all there is.
    """
    asked = DateTime.from_octets(date_time)
    day, hour = asked.date, asked.time
    if day.year is None:
        return (inf if last else -inf) if (day, hour) == (Date(), Time()) else None
    month = _filled(day.month, 12 if last else 1)
    days = calendar.monthrange(day.year, month)[1] if 1 <= month <= 12 and day.year else 1
    filled = DateTime(
        Date(day.year, month, _filled(day.day, days if last else 1)),
        Time(
            _filled(hour.hour, 23 if last else 0),
            _filled(hour.minute, 59 if last else 0),
            _filled(hour.second, 59 if last else 0),
            hour.hundredths,
        ),
        asked.deviation_min,
    )
    return understood(filled.octets, rules)


def _filled(part: int | None, extreme: int) -> int:
    return extreme if part is None else part
