"""Days of the utility's calendar, and how many capture periods end in them.

A day has 23, 24 or 25 hours: 92, 96 or 100 quarter hours.  Times are POSIX seconds, on which meters
count their periods.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from headend.domain.interval import Span


def day_of(at: int, zone: ZoneInfo) -> date:
    """The day that an interval ending then belongs to; the one that ends at midnight is the last of
    the day before."""
    return datetime.fromtimestamp(at - 1, zone).date()


def span_of(day: date, zone: ZoneInfo) -> Span:
    """Begin and end of a day; it has 23 or 25 hours where the clocks change."""
    midnights = (
        datetime(each.year, each.month, each.day, tzinfo=zone)
        for each in (day, day + timedelta(days=1))
    )
    begin, end = (round(each.astimezone(UTC).timestamp()) for each in midnights)
    return Span(begin, end)


def days(first: date, last: date) -> Iterator[date]:
    """From the first to the last, both of them among them."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def expected_in(span: Span, period_s: int, until: float | None = None) -> int:
    """How many capture periods end within a span; with `until`, only up to then."""
    if period_s <= 0:
        return 0
    end = span.end if until is None else min(span.end, until)
    return max(0, int(end // period_s - span.begin // period_s))


def period_of(span: Span, expected: int) -> int:
    """The capture period of which so many end within a day; 0 where none do."""
    return round((span.end - span.begin) / expected) if expected > 0 else 0
