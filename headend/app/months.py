"""The duty that makes a server's partitions before the months begin that they are for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from headend import trouble
from headend.ports import Clock, StoreUnavailable
from headend.store.store import SqlStore

MONTHS_AHEAD = 3  # a duty that nobody has for so long is found out by other means
LOOK_S = 6 * 3600.0

_log = structlog.get_logger("store")


@dataclass(slots=True)
class Months:
    """Looks a few times a day whether this month and the next ones have their partitions."""

    store: SqlStore
    clock: Clock
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.make()
            except StoreUnavailable as error:
                trouble.note(self.errors, _log, "no partitions made for the months to come", error)
            await asyncio.sleep(LOOK_S)

    async def make(self) -> int:
        """Make what is missing; how many.  Raises `StoreUnavailable`."""
        today = self.clock.now().date()
        return await self.store.make_months(today, 1 + MONTHS_AHEAD)
