"""Parts of a day of the utility's calendar, as schedules count them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

WEEK, MONTH = "1w", "1mo"
MINUTES = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "6h": 360, "12h": 720, "1d": 1440}


def period_of(now: datetime, minutes: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end of the present period, counted from midnight of the zone; UTC.

    A day on which the clocks change has one period more or less, or a longer last one.
    """
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    next_midnight = (midnight + timedelta(days=1)).astimezone(UTC)
    begun = midnight.astimezone(UTC)
    passed = int((now - begun).total_seconds() // (60 * minutes))
    begun += timedelta(minutes=minutes * passed)
    return begun, min(begun + timedelta(minutes=minutes), next_midnight)


def week_of(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end of the week under way, from Monday's midnight to the next Monday's; UTC."""
    local = now.astimezone(zone)
    monday = local.date() - timedelta(days=local.weekday())
    following = monday + timedelta(days=7)
    begun, end = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (monday, following))
    return begun.astimezone(UTC), end.astimezone(UTC)


def month_of(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end of the month under way, from the first midnight to the next month's; UTC.

    A midnight that the clocks skip is the moment when they do; of one that comes twice the first
    counts.
    """
    local = now.astimezone(zone)
    begun = datetime(local.year, local.month, 1, tzinfo=zone)
    in_next = begun + timedelta(days=32)
    following = datetime(in_next.year, in_next.month, 1, tzinfo=zone)
    return begun.astimezone(UTC), following.astimezone(UTC)
