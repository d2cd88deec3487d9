"""Wires the shelf of meters' firmware for a command: images put on it, and orders that bring them.

    async with images(config) as desk:
        label = await desk.add(octets, model="sim-3p", version="2.1")
        order = await desk.place("4711", label.image)

The head-end that serves the database sees the orders before long and carries them out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from headend.access import lines
from headend.app.access import by_command
from headend.app.calendar import working_days
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config
from headend.domain.account import Permission
from headend.domain.meter_image import MeterFirmware, MeterImage
from headend.domain.order import Kind, Order
from headend.models import Shelf
from headend.orders.accept import Acceptance, Accepted, Overloaded, Submission, Wish
from headend.orders.settle import Settling
from headend.ports import Chance, Clock, Transaction
from headend.registry.firmware_shelf import BadImage, Wanted, labelled, put
from headend.store.store import SqlStore

__all__ = ["BadImage", "ImageDesk", "Overloaded", "images"]

WITHIN = timedelta(days=7)
"""How long an image may take to a meter: an assumption, as 512 kB over a poor power line take
days."""


@dataclass(frozen=True, slots=True)
class ImageDesk:
    """See the module."""

    store: SqlStore
    clock: Clock
    chance: Chance
    models: Shelf
    acceptance: Acceptance

    async def add(
        self,
        octets: bytes,
        *,
        model: str,
        version: str,
        identifier: str = "",
        signature: bytes = b"",
    ) -> MeterImage:
        """Put an image on the shelf; the one that is there where it is there already.

        Raises `BadImage`, `StoreUnavailable`.
        """
        by = by_command()
        wanted = Wanted(octets, model, version, identifier, signature)
        label = labelled(self.models, wanted, by.actor, self.clock.now())

        def work(tx: Transaction) -> MeterImage:
            there = put(tx, label)
            if there is not label:
                return there
            told = f"{version} for {model}, {label.size} octets, SHA-256 {label.image}"
            tx.add_audit(
                lines.done(
                    label.added_at, by.actor, Permission.FIRMWARE_INSTALL, "meters' firmware", told,
                    source=by.source,
                )
            )  # fmt: skip
            return label

        return await self.store.run(work)

    async def labels(self) -> list[MeterImage]:
        """The shelf, without octets."""
        return await self.store.run(lambda tx: tx.image_labels())

    async def running(self, meter: str) -> MeterFirmware | None:
        """What a meter has told to run."""
        return await self.store.run(lambda tx: tx.meter_firmware(meter))

    async def place(
        self,
        meter: str,
        image: str,
        *,
        source: str,
        at: datetime | None = None,
        within: timedelta = WITHIN,
    ) -> Order:
        """Order an image for a meter, or find the order for it that is under way; rejected where
        the meter is not to have it.  `at`: not started before.  Raises Overloaded."""
        now, transaction, by = self.clock.now(), self.chance.uuid(), by_command()

        def work(tx: Transaction) -> Accepted:
            for order in tx.open_orders_of_meter(meter):
                if order.kind is Kind.UPDATE_FIRMWARE and order.image == image:
                    return Accepted((order,))
            wish = Wish(meter, Kind.UPDATE_FIRMWARE, image=image, activate_at=at)
            deadline = max(now, at or now) + within
            accepted = self.acceptance.accept(
                tx, Submission(source, (wish,), deadline=deadline), transaction, at=now
            )
            told = f"order {accepted.orders[0].number}: SHA-256 {image}"
            tx.add_audit(
                lines.done(
                    now, by.actor, Permission.FIRMWARE_INSTALL, f"meter {meter}", told,
                    source=by.source,
                )
            )  # fmt: skip
            return accepted

        accepted = await self.store.run(work)
        self.acceptance.announce(accepted)
        return accepted.orders[0]


@asynccontextmanager
async def images(
    config: Config, *, clock: Clock | None = None, chance: Chance | None = None, live: bool = True
) -> AsyncIterator[ImageDesk]:
    """The desk over a head-end's database.  Raises StoreUnavailable."""
    clock, chance, policy = clock or WallClock(), chance or SystemChance(), config.orders
    settling = Settling(chance, policy, lambda: None)
    acceptance = Acceptance(policy, working_days(policy), settling, lambda lanes: None)
    store = SqlStore(config.database, live=live)
    try:
        yield ImageDesk(store, clock, chance, Shelf(config.direct.models), acceptance)
    finally:
        await store.close()
