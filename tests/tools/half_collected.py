"""A day of three meters behind two concentrators: one is whole, one half here, one silent."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

from headend.collection.intervals import empty_day, merged
from headend.domain.interval import Row
from headend.domain.meter import Meter
from headend.domain.utility_day import span_of
from headend.ports import Transaction
from headend.store.store import SqlStore
from tests import databases
from tests.store.test_ledger import LAYOUT, PROFILE, ZONE

DAY = date(2026, 7, 6)
BEGIN = span_of(DAY, ZONE).begin
AFTER_S = 1800  # so long after its end each interval has come


def half_collected(folder: Path) -> str:
    """The database's URL."""
    url = databases.at(folder / "ami.db")
    store = SqlStore(url, live=False)

    def work(tx: Transaction) -> None:
        tx.put_meters(
            Meter(name, concentrator, commissioned=True)
            for name, concentrator in (("1", "C1"), ("2", "C1"), ("3", "C2"))
        )
        number = tx.layout_number(LAYOUT)
        for meter, count in (("1", 96), ("2", 48)):
            ends = [BEGIN + 900 * place for place in range(1, count + 1)]
            rows = [
                Row(end, end + AFTER_S, number, 0, (None, place, 2300))
                for place, end in enumerate(ends, 1)
            ]
            page = empty_day(meter, PROFILE, DAY, 900, ZONE)
            came = datetime.fromtimestamp(rows[-1].came, UTC)
            tx.put_interval_day(merged(page, rows, on_events=False, now=came)[0])

    asyncio.run(store.run(work))
    asyncio.run(store.close())
    return url
