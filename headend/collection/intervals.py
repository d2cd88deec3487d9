"""Rows into pages of a day: each interval once, whatever comes twice, late or changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from operator import attrgetter
from zoneinfo import ZoneInfo

from headend.domain.interval import IntervalDay, Row, RowQuality
from headend.domain.utility_day import day_of, expected_in, span_of

# Plain numbers: an operation on a flag of an enumeration takes as long as twenty on numbers.
_CHANGED, _LATE, _OFF_PERIOD = (
    int(each) for each in (RowQuality.CHANGED, RowQuality.LATE, RowQuality.OFF_PERIOD)
)
_AT = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of rows that came."""

    new: int = 0
    again: int = 0  # were here already, and the same
    changed: int = 0  # were here already, and say something else now

    def __add__(self, other: Taken) -> Taken:
        return Taken(self.new + other.new, self.again + other.again, self.changed + other.changed)


def by_day(rows: Iterable[Row], zone: ZoneInfo) -> Iterator[tuple[date, list[Row]]]:
    """Rows by the day they belong to, both in order of time."""
    ordered = sorted(rows, key=_AT)
    begin = 0
    while begin < len(ordered):
        day = day_of(ordered[begin].at, zone)
        end = bisect_right(ordered, span_of(day, zone).end, lo=begin, key=_AT)
        yield day, ordered[begin:end]
        begin = end


def empty_day(meter: str, profile: str, day: date, period_s: int, zone: ZoneInfo) -> IntervalDay:
    """A page on which nothing stands yet."""
    expected = expected_in(span_of(day, zone), period_s, zone)
    never = datetime.fromtimestamp(0, UTC)
    return IntervalDay(meter, profile, day, expected, 0, 0, 0, never, ())


def merged(
    page: IntervalDay, rows: Iterable[Row], *, on_events: bool, now: datetime
) -> tuple[IntervalDay, Taken]:
    """A page with rows that came, and what became of them.

    The first row of an interval stands; one that says something else later is kept beside it and
    flagged.  Rows that come on events may share a time: there the whole row tells them apart.
    """
    kept = list(page.rows)
    known: dict[int, list[Row]] = {}
    for row in kept:
        known.setdefault(row.at, []).append(row)
    new = again = changed = 0
    for row in rows:
        here = known.setdefault(row.at, [])
        if any((each.cells, each.layout) == (row.cells, row.layout) for each in here):
            again += 1
            continue
        if here and not on_events:
            row = row._replace(quality=row.quality | _CHANGED)
            changed += 1
        else:
            new += 1
        here.append(row)
        kept.append(row)
    if not new and not changed:
        return page, Taken(again=again)
    kept.sort(key=lambda row: (row.at, row.quality & _CHANGED))
    first = [row for row in kept if not row.quality & _CHANGED]
    # A row that stands between two periods fills no interval that is expected.
    received = [row for row in first if not row.quality & _OFF_PERIOD]
    page = replace(
        page,
        received=len(received),
        late=sum(bool(row.quality & _LATE) for row in first),
        changed=len(kept) - len(first),
        updated_at=now,
        rows=tuple(kept),
    )
    return page, Taken(new, again, changed)
