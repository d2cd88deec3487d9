"""Clock, class 8 (Blue Book 4.5.1): what a client reads of it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace

from protocols.dlms.codes import DataTag
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.values import OctetString, Value

CLOCK = LogicalName("0.0.1.0.0.255")
CLOCK_CLASS = 8
DATE_TIME_SIZE = 12
NESTED = bytes((DataTag.OCTET_STRING, DATE_TIME_SIZE))


@dataclass(frozen=True, slots=True)
class Clock:
    """The meter's time and how it reckons it; None for what the meter did not tell.

    `dirty` says that more octets came than a date-time has, inside its string or behind the answer.
    """

    time: DateTime
    time_zone_min: int | None = None  # UTC minus normal time, as a date-time's deviation
    status: int | None = None
    daylight_begin: DateTime | None = None
    daylight_end: DateTime | None = None
    daylight_deviation_min: int | None = None
    daylight_enabled: bool | None = None
    clock_base: int | None = None
    dirty: bool = False

    @property
    def utc(self) -> datetime.datetime | None:
        """The moment in UTC; by the clock's own zone where the time names no deviation.

        None where date or time are not specified, or neither says the deviation.
        """
        time = self.time
        if time.deviation_min is None and self.time_zone_min is not None:
            time = replace(time, deviation_min=self.time_zone_min)
        try:
            moment = time.to_datetime()
        except ValueError:
            return None
        return moment.astimezone(datetime.UTC) if moment.tzinfo else None

    def drift_s(self, now: datetime.datetime) -> float | None:
        """Seconds that the meter is ahead of `now`, which must be aware."""
        utc = self.utc
        return None if utc is None else (utc - now).total_seconds()


def read_time(value: Value) -> tuple[DateTime, bool]:
    """Attribute time, and whether it came with more octets than it has.

    Raises `shape.Misshapen`.
    """
    dirty = isinstance(value, OctetString) and len(value) > DATE_TIME_SIZE
    if isinstance(value, OctetString) and value[:2] == NESTED and len(value) == 2 + DATE_TIME_SIZE:
        value = OctetString(value[2:])  # a server in C writes it with a tag and a length inside
    return shape.moment(value, "time of the clock"), dirty


def later(moment: DateTime, seconds: int) -> DateTime | None:
    """The same clock so many seconds on; None where date or time are not specified."""
    try:
        wall = replace(moment, deviation_min=None).to_datetime()
    except ValueError:
        return None
    ahead = DateTime.from_datetime(wall + datetime.timedelta(seconds=seconds))
    return replace(ahead, deviation_min=moment.deviation_min, status=moment.status)
