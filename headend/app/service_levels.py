"""The duty that measures service levels, day after day, from what the head-end has received."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.config import BadConfig, Config
from headend.domain.service_level import ServiceLevels
from headend.ports import Clock, StoreUnavailable
from headend.service_levels.definition import BadDefinition, read
from headend.store.service_level_queries import days_to_measure, measured
from headend.store.store import SqlStore

BACK_DAYS = 31
"""So far back a head-end looks that measures for the first time, or goals that were changed."""
DAY_S = 86_400

_log = structlog.get_logger("service levels")


def defined(config: Config) -> ServiceLevels:
    """The goals that are configured.  Raises `BadConfig`."""
    path = config.service_levels.definition
    try:
        return read(path)
    except OSError as error:
        raise BadConfig(f"service_levels: {path}: {error.strerror}") from error
    except BadDefinition as error:
        raise BadConfig(f"service_levels: {path}: {error}") from error


@dataclass(slots=True)
class Measuring:
    """Looks which days may stand otherwise by now, and counts these anew, each in a view and a
    transaction of its own.  It counts in a thread of its own: a day takes seconds."""

    store: SqlStore
    clock: Clock
    levels: ServiceLevels
    zone: ZoneInfo
    look_s: float
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.measure()
            except StoreUnavailable as error:
                trouble.note(self.errors, _log, "no service levels measured", error)
            await asyncio.sleep(self.look_s)

    async def measure(self) -> int:
        """Count what may stand otherwise; how many days.  Raises `StoreUnavailable`."""
        now = self.clock.now()
        today = now.astimezone(self.zone).date()
        back = max(BACK_DAYS, -(-self.levels.open_s // DAY_S) + 1)
        first = today - timedelta(days=back)
        stale = await asyncio.to_thread(
            self.store.read,
            lambda found: list(days_to_measure(found, self.levels, first, today, self.zone, now)),
        )
        for day in reversed(stale):  # the newest first: it is what people look at
            rows = await asyncio.to_thread(
                self.store.read,
                lambda found, day=day: measured(found, self.levels, day, self.zone, now),
            )
            await self.store.run(lambda tx, day=day, rows=rows: tx.put_measured(day, rows))  # type: ignore[misc]
        return len(stale)
