"""Pages of a day rolled up: by the day and by the hour, out of the rows that stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from functools import reduce
from operator import or_

from headend.collection.validation.channels import Channel, series
from headend.domain.interval import IntervalDay, Row, RowQuality, Span
from headend.domain.rollup import ChannelSum, RolledDay, RolledSpan
from headend.domain.utility_day import expected_in, period_of, span_of
from protocols.concentrator.collecting import Layout

HOUR_S = 3600
_STATUS_CLASS = 1
_STATUS_BITS = (1 << 63) - 1  # as many as a database keeps; what a meter says has 32
_CHANGED, _LATE, _OFF_PERIOD = (
    int(each) for each in (RowQuality.CHANGED, RowQuality.LATE, RowQuality.OFF_PERIOD)
)


def rolled_up(page: IntervalDay, layouts: Mapping[int, Layout], zone: tzinfo) -> RolledDay:
    """A page's roll-up.  `layouts` are those of its rows; `zone` is the utility's."""
    span = span_of(page.day, zone)
    period_s = period_of(span, page.expected)
    whole = _rolled(page.rows, span, page.expected, layouts)
    return RolledDay(
        page.meter,
        page.profile,
        page.day,
        page.updated_at,
        page.expected,
        page.received,
        page.late,
        page.changed,
        whole.quality,
        whole.status,
        whole.channels,
        _hours(page.rows, span, period_s, layouts, zone) if 0 < period_s <= HOUR_S else (),
    )


def _hours(
    rows: Sequence[Row], span: Span, period_s: int, layouts: Mapping[int, Layout], zone: tzinfo
) -> tuple[RolledSpan, ...]:
    """All hours of a day; the last is shorter where the clocks change by less than one."""
    parts: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        parts[(row.at - span.begin - 1) // HOUR_S].append(row)
    found = []
    for number, begin in enumerate(range(span.begin, span.end, HOUR_S)):
        hour = Span(begin, min(begin + HOUR_S, span.end))
        found.append(_rolled(parts[number], hour, expected_in(hour, period_s, zone), layouts))
    return tuple(found)


def _rolled(
    rows: Sequence[Row], span: Span, expected: int, layouts: Mapping[int, Layout]
) -> RolledSpan:
    first = [row for row in rows if not row.quality & _CHANGED]
    return RolledSpan(
        end=span.end,
        expected=expected,
        received=sum(not row.quality & _OFF_PERIOD for row in first),
        late=sum(bool(row.quality & _LATE) for row in first),
        changed=len(rows) - len(first),
        quality=reduce(or_, (row.quality for row in rows), 0),
        status=reduce(or_, (_status(row, layouts[row.layout]) for row in first), 0),
        channels=tuple(
            _sum(channel, [point.value for point in points])
            for channel, points in sorted(series(rows, layouts).items())
        ),
    )


def _status(row: Row, layout: Layout) -> int:
    """What the meter itself says of a row; 0 where it says nothing."""
    for column, cell in zip(layout.columns, row.cells, strict=True):
        if column.class_id == _STATUS_CLASS and isinstance(cell, int):
            return cell & _STATUS_BITS
    return 0


def _sum(channel: Channel, values: Sequence[int]) -> ChannelSum:
    return ChannelSum(
        *channel,
        count=len(values),
        first=values[0],
        last=values[-1],
        least=min(values),
        most=max(values),
        total=sum(values),
    )
