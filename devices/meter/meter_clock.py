"""The meter's own clock, class 8: its time may differ from the world's.

The offset is kept in 1/128 s, so that sums with times keep every digit of a float; a clock that is
set may be off by less than that.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from protocols.dlms.date_time import ClockStatus, Date, DateTime, Time

OFFSET_STEPS_PER_S = 128


def offset(meter_time: float, now: float) -> float:
    """What must be added to the world's time to show `meter_time`."""
    return round((meter_time - now) * OFFSET_STEPS_PER_S) / OFFSET_STEPS_PER_S


def shown(meter_time: float, utc_offset_min: int) -> DateTime:
    """A moment as this meter writes it: local standard time with its deviation."""
    zone = timezone(timedelta(minutes=utc_offset_min))
    moment = datetime.fromtimestamp(meter_time, UTC).astimezone(zone)
    return DateTime.from_datetime(moment, ClockStatus.OK)


def understood(octets: bytes, utc_offset_min: int) -> float | None:
    """The moment of a date-time, POSIX seconds; None when it is no single moment.

    Without a deviation it is the meter's local time.
    """
    try:
        moment = DateTime.from_octets(octets).to_datetime()
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=utc_offset_min)))
    try:
        return moment.timestamp()
    except (OverflowError, ValueError):
        return None


NOT_SPECIFIED = DateTime(Date(), Time(), None, None).octets
