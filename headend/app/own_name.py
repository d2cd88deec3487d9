"""A worker without its name does nothing that a name is for.

The lock on the name ends with a connection to the server: when the server restarts, another process
may take the name, give back what was leased under it, and lease it anew.  Who finds its connection
gone therefore leaves every step where it is, as one that is killed does, and its duties to another;
with the name it begins a new life, with what the last one had leased.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from headend import trouble
from headend.ports import StoreUnavailable
from headend.store.occupancy import Name

LOOK_S = 1.0
ANSWER_S = 10.0  # a server that has not answered by then may have ended the connection

_log = structlog.get_logger("worker")


@dataclass(slots=True)
class OwnName:
    """Looks whether the name is still this worker's; without a `name` it always is."""

    name: Name | None
    stand_down: Callable[[], Awaitable[None]]
    stand_up: Callable[[], Awaitable[None]]
    ours: bool = True
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        if self.name is None:
            return
        while True:
            await self._look(self.name)
            await asyncio.sleep(LOOK_S)

    async def _look(self, name: Name) -> None:
        asked = asyncio.create_task(asyncio.to_thread(name.hold), name="own name")
        try:
            await asyncio.wait({asked}, timeout=ANSWER_S)
            if not asked.done():
                await self._lost("no answer")
            held = await asked
        except StoreUnavailable as error:
            await self._lost(trouble.in_a_line(error))
        except Exception as error:
            trouble.note(self.errors, _log, "no look for the name", error)
            await self._lost(trouble.in_a_line(error))
        else:
            await (self._found() if held else self._lost("another process has it"))

    async def _lost(self, why: str) -> None:
        if self.ours:
            _log.error("this worker has lost its name, and stands down", why=why)
            self.ours = False
            await self.stand_down()

    async def _found(self) -> None:
        if self.ours:
            return
        try:
            await self.stand_up()
        except StoreUnavailable as error:
            trouble.note(self.errors, _log, "the name is back, the database is not", error)
        else:
            self.ours = True
            _log.warning("this worker has its name again")
