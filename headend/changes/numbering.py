"""Gives positions to changes once they are committed, and forgets old ones.

One worker does this for all (its duty), under the lock of a mark besides: positions then become
visible in their order, whichever worker's transaction was the slower.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from headend import trouble
from headend.ports import Clock, Store

BATCH = 1000
LIVE_POLL_S = 1.0  # how soon a change of another process is numbered
SIMULATED_POLL_S = 60.0
REST_S = 5.0  # after trouble of our own
FORGET_EVERY_S = 3600.0

_log = structlog.get_logger("changes")


@dataclass(slots=True)
class Numbering:
    """`numbered` is called when positions were given."""

    store: Store
    clock: Clock
    keep_s: float
    poll_s: float = LIVE_POLL_S
    numbered: list[Callable[[], None]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """A change was kept."""
        self._bell.set()

    async def run(self) -> None:
        """Until cancelled."""
        forgot = self.clock.now() - timedelta(seconds=FORGET_EVERY_S)
        while True:
            self._bell.clear()
            try:
                while await self.number():
                    pass
                if (self.clock.now() - forgot).total_seconds() >= FORGET_EVERY_S:
                    await self.forget()
                    forgot = self.clock.now()
            except Exception as error:
                trouble.note(self.errors, _log, "changes wait", error)
                await asyncio.sleep(REST_S)
            try:
                async with asyncio.timeout(self.poll_s):
                    await self._bell.wait()
            except TimeoutError:
                pass

    async def number(self) -> int:
        """Give positions to what has none; to how many."""
        count = await self.store.run(lambda tx: tx.number_changes(BATCH))
        if count:
            for tell in self.numbered:
                tell()
        return count

    async def forget(self) -> None:
        """Remove what nobody comes back for."""
        before = self.clock.now() - timedelta(seconds=self.keep_s)
        while await self.store.run(lambda tx: tx.forget_changes(before, BATCH)) == BATCH:
            pass
