"""Wires validation and back-fill of collected days for commands, beside a head-end that may run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from headend.clock import WallClock
from headend.collection.validation.desk import Validation
from headend.config import Config
from headend.store.store import SqlStore


async def validate(config: Config, days: int) -> int:
    """Look at what nobody has looked at of the last so many days; how many looks at a day.  Raises
    `StoreUnavailable`."""
    store, clock = SqlStore(config.database, live=True), WallClock()
    try:
        validation = Validation(store, clock, ZoneInfo(config.orders.zone))
        today = clock.now().astimezone(validation.zone).date()
        return await validation.catch_up(today - timedelta(days=days))
    finally:
        await store.close()


async def ask_again(config: Config, meters: Sequence[str], day: date | None) -> int:
    """Let the next look of the back-fill ask meters again, also for what was given up; how many
    asks and days that were.  Raises `StoreUnavailable`."""
    store = SqlStore(config.database, live=True)
    try:
        return await store.run(lambda tx: tx.ask_again(meters, day))
    finally:
        await store.close()
