"""Rows that the head-end read of a meter by itself: kept just as what concentrators upload.

Where the next reading goes on follows from the rows that are here, so that whatever was missed,
by whoever's fault, is part of the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from headend.collection.decoding import Undecodable, rows_of
from headend.collection.filling import fill
from headend.domain.interval import CollectedBlock, IntervalDay, Row, RowQuality
from headend.events.taking import EventIntake
from headend.ports import Clock, RowsGathered, RowsHeld, RowsKept, Store, Transaction

PAGES = 2
"""Of the newest days are looked at: one may hold nothing but rows of a clock that was ahead."""

_DOUBTFUL = RowQuality.PLACED | RowQuality.CLOCK_DOUBTFUL

_log = structlog.get_logger("collection")


@dataclass(frozen=True, slots=True)
class GatheredIntake:
    """Implements `ports.ProfileRows`.  `zone` is the utility's: days are its days."""

    store: Store
    clock: Clock
    zone: ZoneInfo
    late_after_s: float
    events: EventIntake = EventIntake()

    async def held(self, meter: str, profile: str) -> RowsHeld:
        """Up to where the rows are here."""
        tomorrow = self.clock.now().astimezone(self.zone).date() + timedelta(days=1)

        def work(tx: Transaction) -> RowsHeld:
            newest = _newest(tx.newest_days(meter, profile, tomorrow, PAGES))
            if newest is None:
                return RowsHeld()
            at = datetime.fromtimestamp(_known_at(newest), UTC)
            return RowsHeld(at, bool(newest.quality & _DOUBTFUL), tx.layout(newest.layout))

        return await self.store.run(work)

    async def take(self, gathered: RowsGathered) -> RowsKept:
        """Keep a part of a buffer.  One that brings nothing new leaves nothing behind."""
        now = self.clock.now()

        def work(tx: Transaction) -> RowsKept:
            number = tx.layout_number(gathered.layout)
            try:
                rows = self._rows(gathered, number, now)
            except Undecodable as error:
                _log.error("a buffer cannot be decoded", meter=gathered.meter, why=str(error))
                tx.add_block(_kept(gathered, number, now, 0, str(error)))
                return RowsKept(0, trouble=str(error))
            taken = fill(
                tx,
                gathered.meter,
                gathered.layout,
                rows,
                zone=self.zone,
                now=now,
                events=self.events,
            )
            if taken.new or taken.changed:
                tx.add_block(_kept(gathered, number, now, len(rows), ""))
            return _told(rows, self.zone)

        return await self.store.run(work)

    def _rows(self, gathered: RowsGathered, number: int, now: datetime) -> list[Row]:
        return rows_of(
            gathered.octets,
            gathered.layout,
            number=number,
            now=now,
            late_after_s=self.late_after_s,
            read_at=gathered.read_at,
            zone=self.zone,
        )


def _newest(pages: list[IntervalDay]) -> Row | None:
    return max((row for page in pages for row in page.rows), key=_known_at, default=None)


def _known_at(row: Row) -> int:
    """A row of the future proves only that what there was when it came is here."""
    return min(row.at, row.came)


def _told(rows: list[Row], zone: ZoneInfo) -> RowsKept:
    if not rows:
        return RowsKept(0)
    first, last = (
        datetime.fromtimestamp(find(row.at for row in rows), zone) for find in (min, max)
    )
    return RowsKept(len(rows), first, last)


def _kept(
    gathered: RowsGathered, layout: int, now: datetime, rows: int, trouble: str
) -> CollectedBlock:
    return CollectedBlock(
        source=gathered.source,
        meter=gathered.meter,
        task=f"order {gathered.order}",
        number=gathered.number,
        read_at=gathered.read_at,
        received_at=now,
        layout=layout,
        rows=rows,
        octets=gathered.octets,
        trouble=trouble,
    )
