"""Wires the validation of collected days for a command, beside a head-end that may run."""

from __future__ import annotations

from datetime import timedelta
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
