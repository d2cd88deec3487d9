"""What every part of the head-end stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headend.app.duties import Work
from headend.config import BadConfig, Config
from headend.field.broker import Broker
from headend.field.concentrators import Concentrators, Hearer
from headend.models import Shelf
from headend.ports import Chance, Clock
from headend.store.store import SqlStore
from headend.store.vault import KeyVault

T = TypeVar("T")
Works = Mapping[str, Work]
Hears = Sequence[tuple[type, Hearer]]


@dataclass(frozen=True, slots=True)
class Ground:
    """Configuration, store, clock, chance and broker; `live` False under the simulated clock,
    where nothing may run in a thread of its own."""

    config: Config
    store: SqlStore
    clock: Clock
    chance: Chance
    broker: Broker
    field: Concentrators
    shelf: Shelf
    vault: KeyVault | None  # None where no envelope key is configured
    live: bool

    @property
    def zone(self) -> ZoneInfo:
        """The utility's.  Raises `BadConfig`."""
        try:
            return ZoneInfo(self.config.orders.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise BadConfig(f"orders.zone: {self.config.orders.zone!r} is no time zone") from error

    async def read(self, query: Callable[[Any], T]) -> T:
        """Answer a query on what is committed, in a thread where there may be threads.  Raises
        `StoreUnavailable`."""
        if self.live:
            return await asyncio.to_thread(self.store.read, query)
        return self.store.read(query)

    def present(self) -> list[str]:
        """The concentrators that are on line."""
        return [name for name, _ in self.field.present()]
