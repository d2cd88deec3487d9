"""Wires the shelf of meters' firmware for a command: images put on it, and orders that bring them.

    async with images(config) as desk:
        label = await desk.add(octets, model="sim-3p", version="2.1")
        order = await desk.place("4711", label.image)

The head-end that serves the database sees the orders before long and carries them out.
"""

from __future__ import annotations

import hashlib
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
from headend.domain.meter_image import (
    IDENTIFIER_OCTETS_MAX,
    IMAGE_OCTETS_MAX,
    MeterFirmware,
    MeterImage,
)
from headend.domain.order import Kind, Order
from headend.models import BadModel, Shelf
from headend.orders.accept import Acceptance, Accepted, Overloaded, Submission, Wish
from headend.orders.settle import Settling
from headend.ports import Chance, Clock, Transaction
from headend.store.store import SqlStore

__all__ = ["BadImage", "ImageDesk", "Overloaded", "images"]

WITHIN = timedelta(days=7)
"""How long an image may take to a meter: an assumption, as 512 kB over a poor power line take
days."""
VERSION_WORD = "firmware"
"""What models call the object that tells the version that runs."""


class BadImage(ValueError):
    """The image cannot be put on the shelf; the text says why and what to do."""


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
        name = identifier or version
        _check(octets, version, name)
        try:
            known = self.models.get(model).objects.get(VERSION_WORD)
        except BadModel as error:
            raise BadImage(str(error)) from error
        if known is None:
            raise BadImage(
                f"the model {model} names no object {VERSION_WORD!r}, by which a meter would tell"
                " that it runs the image"
            )
        image, by = hashlib.sha256(octets).hexdigest(), by_command()
        label = MeterImage(
            image, model, version, known.name, name, len(octets), self.clock.now(), by.actor,
            signature.hex() or None, octets,
        )  # fmt: skip

        def work(tx: Transaction) -> MeterImage:
            there = tx.image_label(image)
            if there is not None and (there.model, there.version) != (model, version):
                raise BadImage(
                    f"this very image is on the shelf, for {there.model} as {there.version}"
                )
            if there is not None:
                return there
            tx.put_image(label)
            told = f"{version} for {model}, {len(octets)} octets, SHA-256 {image}"
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


def _check(octets: bytes, version: str, identifier: str) -> None:
    if not 0 < len(octets) <= IMAGE_OCTETS_MAX:
        raise BadImage(f"an image has 1 to {IMAGE_OCTETS_MAX:,} octets, this one {len(octets):,}")
    for what, text in (("version", version), ("identifier", identifier)):
        if not (text.isascii() and text.isprintable() and 0 < len(text) <= IDENTIFIER_OCTETS_MAX):
            raise BadImage(
                f"{what} {text!r}: 1 to {IDENTIFIER_OCTETS_MAX} printable characters of ASCII"
            )


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
