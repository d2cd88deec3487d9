"""What one of several workers does for all: schedules, task tables, upkeep, discoveries, firmware.

Orders and what is owed are shared by leases, row by row.  The duties work from what they remember
of concentrators between two looks, so they are one worker's: whoever has the database's lock.  When
it dies another has the lock, and begins with the concentrators that it knows to be on line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from headend import trouble
from headend.field.concentrators import Concentrators, Hearer
from headend.store.occupancy import Duty

LOOK_S = 5.0  # how soon another takes over from one that is gone

_log = structlog.get_logger("duties")


class Work(Protocol):
    """Something done in the background until cancelled."""

    @property
    def errors(self) -> Sequence[Exception]:
        """What should not have happened; each was logged when it did."""
        ...

    async def run(self) -> None: ...


@dataclass(slots=True)
class Duties:
    """Runs `works` while the duty is ours; without a `duty` it always is, but for a worker that
    may lose its name (`may_end`) while it has none (`allowed`)."""

    duty: Duty | None
    concentrators: Concentrators
    works: Mapping[str, Work]
    may_end: bool = False
    errors: list[Exception] = field(default_factory=list)
    ours: bool = field(init=False)
    allowed: bool = True
    _online: list[Hearer] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.ours = self.duty is None

    def allow(self, allowed: bool) -> None:
        """Whether they may be this worker's at all; from the loop's next turn on."""
        self.allowed = allowed
        if not allowed:
            self.ours = False  # nobody is heard any more
        self._bell.set()

    def online(self, hearer: Hearer) -> Hearer:
        """Let a duty hear of concentrators that come on line, and of those that are, when it is
        taken up."""
        self._online.append(hearer)
        return self.on_duty(hearer)

    def on_duty(self, hearer: Hearer) -> Hearer:
        """Let a duty hear only while it is ours."""

        async def heard(concentrator: str, message: Any) -> bool:
            if not self.ours:
                return False
            return await hearer(concentrator, message)

        return heard

    async def run(self) -> None:
        """Until cancelled."""
        if self.duty is None and not self.may_end:
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
                    (ended,) = await asyncio.gather(working, return_exceptions=True)
                    if isinstance(ended, Exception):
                        trouble.note(self.errors, _log, "the duties broke", ended)
                    working = None
                await self._rest()
        finally:
            if working is not None:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
            if self.duty is not None:
                self.duty.give_back()

    async def _rest(self) -> None:
        """Until the next look, or until it is allowed or forbidden."""
        try:
            async with asyncio.timeout(LOOK_S):
                await self._bell.wait()
        except TimeoutError:
            pass

    async def _look(self) -> None:
        self._bell.clear()
        if self.duty is None:
            self.ours = self.allowed
            return
        try:
            if self.allowed:
                held = await asyncio.to_thread(self.duty.hold)
                self.ours = held and self.allowed
            else:
                await asyncio.to_thread(self.duty.give_back)
        except Exception as error:
            self.ours = False
            trouble.note(self.errors, _log, "no look for duties", error)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name, work in self.works.items():
                group.create_task(work.run(), name=name)
