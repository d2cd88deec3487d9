"""Wires steps of meters' lives for commands, beside a head-end that may run meanwhile.

async with registry_desk(config) as desk:
    await desk.do(lambda tx: lives.install(tx, "4711", "SP-1", by))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config
from headend.orders.settle import Settling
from headend.ports import Clock, Transaction
from headend.registry.exchange import Exchanged, exchange
from headend.registry.hanging import Hung, hang
from headend.registry.hanging import read as read_hung
from headend.registry.line_sections import Drawing
from headend.registry.line_sections import read as read_lines
from headend.registry.lives import By, Ended, NotTaken, install, known, link, move, remove
from headend.registry.places import Survey, settle
from headend.registry.places import read as read_places
from headend.registry.sheets import BadFile, Flaw
from headend.store.store import SqlStore

__all__ = [
    "BadFile",
    "By",
    "Drawing",
    "Ended",
    "Exchanged",
    "Flaw",
    "Hung",
    "NotTaken",
    "RegistryDesk",
    "Survey",
    "exchange",
    "hang",
    "install",
    "known",
    "link",
    "move",
    "read_hung",
    "read_lines",
    "read_places",
    "registry_desk",
    "remove",
    "settle",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RegistryDesk:
    """`do` takes steps, each in one transaction; `settling` ends orders that a step ends."""

    store: SqlStore
    clock: Clock
    settling: Settling

    @property
    def now(self) -> datetime:
        """The time of day."""
        return self.clock.now()

    async def do(self, work: Callable[[Transaction], T]) -> T:
        """Raises `NotTaken`, `StoreUnavailable`."""
        return await self.store.run(work)


@asynccontextmanager
async def registry_desk(config: Config) -> AsyncIterator[RegistryDesk]:
    """A desk on a head-end's database.  Raises `StoreUnavailable`."""
    store = SqlStore(config.database, live=True)
    try:
        # A head-end that serves finds what it owes by itself: nobody here to wake.
        settling = Settling(SystemChance(), config.orders, lambda: None)
        yield RegistryDesk(store, WallClock(), settling)
    finally:
        await store.close()
