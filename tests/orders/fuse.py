"""A process that dies at a chosen moment: before or after its n-th word with the store or field."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from headend.ports import Command, Connectivity, Field, FieldListener, Report, Store, Transaction

T = TypeVar("T")


@dataclass(slots=True)
class Fuse:
    """Counts moments; at the one it is set to, whoever comes waits for ever."""

    blows_at: int | None = None
    moments: int = 0
    blown: asyncio.Event = field(default_factory=asyncio.Event)

    async def moment(self) -> None:
        self.moments += 1
        if self.moments == self.blows_at:
            self.blown.set()
        if self.blown.is_set():
            await asyncio.get_running_loop().create_future()

    async def around(self, work: Callable[[], Awaitable[T]]) -> T:
        await self.moment()
        result = await work()
        await self.moment()
        return result

    def store(self, store: Store) -> Store:
        return _Store(self, store)

    def field(self, way: Field) -> Field:
        return _Field(self, way)


@dataclass(frozen=True, slots=True)
class _Store:
    fuse: Fuse
    inner: Store

    async def run(self, work: Callable[[Transaction], T]) -> T:
        return await self.fuse.around(lambda: self.inner.run(work))


@dataclass(frozen=True, slots=True)
class _Field:
    fuse: Fuse
    inner: Field

    async def perform(
        self,
        command: Command,
        *,
        on_accepted: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> Report:
        return await self.fuse.around(
            lambda: self.inner.perform(command, on_accepted=on_accepted, again=again)
        )

    async def withdraw(self, command: Command) -> Report:
        return await self.fuse.around(lambda: self.inner.withdraw(command))

    async def stored(self, command: Command) -> None:
        await self.fuse.around(lambda: self.inner.stored(command))

    def open(self, concentrator: str) -> bool:
        return self.inner.open(concentrator)

    def connectivity(self, concentrator: str) -> Connectivity:
        return self.inner.connectivity(concentrator)

    def listen(self, listener: FieldListener) -> None:
        self.inner.listen(listener)
