"""A store with places and meters on which steps of meters' lives are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from headend.chance import SeededChance
from headend.config import OrderPolicy
from headend.domain.meter import Concentrator, Meter, Stage
from headend.domain.place import Place, PlaceKind
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.registry.lives import By
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction, in_words
from tests import databases

T = TypeVar("T")
T0 = datetime(2026, 7, 6, 12, tzinfo=UTC)

PLACES = (
    Place("R1", PlaceKind.REGION, None, "Santiago"),
    Place("Z1", PlaceKind.ZONE, "R1"),
    Place("S1", PlaceKind.SUBSTATION, "Z1"),
    Place("F1", PlaceKind.FEEDER, "S1"),
    Place("T1", PlaceKind.TRANSFORMER, "F1"),
    Place("SP1", PlaceKind.SERVICE_POINT, "T1"),
    Place("SP2", PlaceKind.SERVICE_POINT, "T1"),
)


@dataclass(slots=True)
class Desk:
    """`do` takes steps in one transaction each."""

    store: SqlStore = field(default_factory=databases.store)
    settling: Settling = field(
        default_factory=lambda: Settling(SeededChance(1), OrderPolicy(), lambda: None)
    )

    async def open(self, *meters: Meter) -> None:
        """With one concentrator, the places, and meters."""
        await self.do(lambda tx: tx.put_concentrators([Concentrator("C1")]))
        await self.do(lambda tx: tx.put_places(PLACES))
        await self.do(lambda tx: tx.put_meters(meters))

    async def do(self, work: Callable[[Transaction], T]) -> T:
        return await self.store.run(work)

    async def words(self, work: Callable[[SqlTransaction], T]) -> T:
        return await in_words(self.store, work)


def by(why: str = "", *, hours: float = 0) -> By:
    return By("os:ana", T0 + timedelta(hours=hours), why)


def new(name: str) -> Meter:
    return Meter(name, stage=Stage.IN_STOCK)
