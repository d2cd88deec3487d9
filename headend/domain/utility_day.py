"""Days of the utility's calendar, and which capture periods end in them.

A day has 23, 24 or 25 hours: 92, 96 or 100 quarter hours.  Times are POSIX seconds.  Meters count
parts of a day on local standard time, which for an hour or less is UTC in nearly every zone; a
period of a day ends at local midnight, one of a month at the midnight before its first day,
however long they are.  Where the clocks skip midnight (Chile, in September) the day before ends
with the hour that is not skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from headend.domain.interval import Span

DAY_S = 86_400
MONTH_S = 30 * DAY_S
"""A month, as a meter tells its capture period that has one: 28 to 31 days."""
_MONTHS = range(28 * DAY_S, 31 * DAY_S + 1)


def day_of(at: int, zone: tzinfo) -> date:
    """The day that an interval ending then belongs to; the one that ends at midnight is the last of
    the day before."""
    return datetime.fromtimestamp(at - 1, zone).date()


def span_of(day: date, zone: tzinfo) -> Span:
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


def ends_in(span: Span, period_s: int, zone: tzinfo) -> range:
    """When the capture periods of a day, or of a part of one, end: after its begin, up to and with
    its end.  The range's step is how long they are, in summer time as well.

    Of periods of several days that are no months nobody can tell when they end: they have none.
    """
    if period_s <= 0:
        return range(0)
    if period_s >= DAY_S:
        return _midnight(span, period_s, zone)
    shift = _standard_s(zone, span.begin)
    first = (span.begin + shift) // period_s + 1
    last = (span.end + shift) // period_s
    return range(first * period_s - shift, last * period_s - shift + 1, period_s)


def ended_in(span: Span, period_s: int, zone: tzinfo) -> int:
    """How many capture periods of a day or less end after a span's begin, up to and with its end,
    however many days it covers."""
    if span.end <= span.begin:
        return 0
    if period_s < DAY_S:
        return len(ends_in(span, period_s, zone))
    first, last = (datetime.fromtimestamp(at, zone).date() for at in span)
    midnights = (span_of(day, zone).begin for day in days(first, last))
    return sum(span.begin < midnight <= span.end for midnight in midnights)


def _midnight(span: Span, period_s: int, zone: tzinfo) -> range:
    day = day_of(span.end, zone)
    whole = span_of(day, zone)
    if whole.end != span.end:
        return range(0)
    if period_s in _MONTHS:
        if (day + timedelta(days=1)).day != 1:
            return range(0)
        whole = Span(span_of(day.replace(day=1), zone).begin, whole.end)
    elif period_s != DAY_S:
        return range(0)
    return range(whole.end, whole.end + 1, whole.end - whole.begin)


def expected_in(span: Span, period_s: int, zone: tzinfo) -> int:
    """How many capture periods end within a day, or a part of one."""
    return len(ends_in(span, period_s, zone))


def stands(at: int, period_s: int, zone: tzinfo) -> bool:
    """Whether a row stands where a capture period may end: of a day or more, at any midnight, as
    utilities bill on days of their own.  Always so of what comes on events."""
    if period_s <= 0:
        return True
    if period_s < DAY_S:
        return (at + _standard_s(zone, at)) % period_s == 0
    return span_of(day_of(at, zone), zone).end == at


def _standard_s(zone: tzinfo, at: int) -> int:
    """How far the zone's standard time is ahead of UTC."""
    return _standard_on(zone, at // DAY_S)


@lru_cache(maxsize=4096)
def _standard_on(zone: tzinfo, day: int) -> int:
    """On one of UTC's days: rows ask for it by the million."""
    local = datetime.fromtimestamp(day * DAY_S, zone)
    offset = (local.utcoffset() or timedelta()) - (local.dst() or timedelta())
    return round(offset.total_seconds())


def period_of(span: Span, expected: int) -> int:
    """The capture period of which so many end within a day; 0 where none do.  One is a day, or a
    month, which the day alone does not tell."""
    if expected == 1:
        return DAY_S
    return round((span.end - span.begin) / expected) if expected > 0 else 0
