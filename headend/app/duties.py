"""What one of several workers does for all: schedules, task tables, upkeep, discoveries, firmware.

Orders and what is owed are shared by leases, row by row.  The duties work from what they remember
of concentrators between two looks, so they are one worker's: whoever has the database's lock.  When
it dies another has the lock, and begins with the concentrators that it knows to be on line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from headend import trouble
from headend.field.concentrators import Concentrators, Hearer
from headend.store.occupancy import Duty

LOOK_S = 5.0  # how soon another takes over from one that is gone

_log = structlog.get_logger("duties")


@dataclass(slots=True)
class Duties:
    """Runs `works` while the duty is ours; without a `duty` it always is."""

    duty: Duty | None
    concentrators: Concentrators
    works: Sequence[tuple[str, Callable[[], Awaitable[None]]]]
    errors: list[Exception] = field(default_factory=list)
    ours: bool = False
    _online: list[Hearer] = field(default_factory=list)

    def online(self, hearer: Hearer) -> Hearer:
        """Let a duty hear of concentrators that come on line, and of those that are, when it is
        taken up."""
        self._online.append(hearer)
        return self.on_duty(hearer)

    def on_duty(self, hearer: Hearer) -> Hearer:
        """Let a duty hear only while it is ours."""

        async def heard(concentrator: str, message: Any) -> bool:
            if self.duty is not None and not self.ours:
                return False
            return await hearer(concentrator, message)

        return heard

    async def run(self) -> None:
        """Until cancelled."""
        if self.duty is None:
            await self._work()
            return
        working: asyncio.Task[None] | None = None
        try:
            while True:
                await self._look()
                if self.ours and working is None:
                    _log.info("the duties are this worker's")
                    for name, word in self.concentrators.present():
                        for hearer in self._online:
                            await hearer(name, word)
                    working = asyncio.create_task(self._work(), name="duties")
                elif working is not None and (not self.ours or working.done()):
                    working.cancel()
                    await asyncio.gather(working, return_exceptions=True)
                    working = None
                await asyncio.sleep(LOOK_S)
        finally:
            if working is not None:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
            self.duty.give_back()

    async def _look(self) -> None:
        assert self.duty is not None
        try:
            self.ours = await asyncio.to_thread(self.duty.hold)
        except Exception as error:
            self.ours = False
            trouble.note(self.errors, _log, "no look for duties", error)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name, work in self.works:
                group.create_task(work(), name=name)  # type: ignore[arg-type]
