"""Decoded rows into the pages of their days, and into what analysis reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from headend.collection.intervals import Taken, by_day, empty_day, merged
from headend.collection.quantities import interval_rows
from headend.domain.interval import Row
from headend.events.taking import EventIntake
from headend.ports import Transaction
from protocols.concentrator.collecting import Layout


def fill(
    tx: Transaction,
    meter: str,
    layout: Layout,
    rows: Sequence[Row],
    *,
    zone: ZoneInfo,
    now: datetime,
    events: EventIntake,
) -> Taken:
    """Write rows to their pages; `zone` is the utility's, whose days the pages are.  Rows of event
    logs are events."""
    taken = Taken()
    for day, of_day in by_day(rows, zone):
        page = tx.interval_day(meter, layout.profile, day) or empty_day(
            meter, layout.profile, day, layout.period_s, zone
        )
        fresh, found = merged(page, of_day, on_events=not layout.period_s, now=now)
        taken += found
        if fresh is not page:
            tx.put_interval_day(fresh)
    if taken.new and rows:
        first, last = (datetime.fromtimestamp(at, UTC) for at in _span(rows))
        tx.arrived(meter, layout.profile, taken.new, first, last, now=now)
    events.logged(tx, meter, layout, rows, now)
    tx.add_intervals(interval_rows(meter, layout, rows))
    return taken


def _span(rows: Sequence[Row]) -> tuple[int, int]:
    times = [row.at for row in rows]
    return min(times), max(times)
