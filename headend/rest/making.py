"""Works that are begun by a question and go on after its answer, one at a time in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from headend import trouble

_log = structlog.get_logger("rest")


@dataclass(slots=True)
class Making:
    """`begin` returns at once.  A name that is under way is not begun again."""

    errors: list[Exception] = field(default_factory=list)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def begin(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        if name not in self._tasks:
            task = asyncio.create_task(self._make(name, work), name=name)
            self._tasks[name] = task

    async def _make(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            async with self._turn:
                await work()
        except Exception as error:
            trouble.note(self.errors, _log, "a report was not made", error, report=name)
        finally:
            self._tasks.pop(name, None)

    async def done(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())
