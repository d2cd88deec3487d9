"""Concentrators' firmware: offered until it is known to be stored, handed out piece by piece, and
followed to its end.  The images of meters are handed out in the same way to whoever asks, as orders
name them (`orders`)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from headend import trouble
from headend.domain.firmware import OFFERED, FirmwareUpdate
from headend.ports import Chance, Clock, Store, Transaction
from protocols.concentrator.firmware import PIECE_OCTETS_MAX, FirmwarePiece
from protocols.concentrator.messages import Downward, FirmwareTold, OfferFirmware, WantFirmware

LOOK_S = 15.0  # for updates that were entered by a command

_log = structlog.get_logger("firmware")


class Courier(Protocol):
    """The way to a concentrator."""

    async def deliver(self, concentrator: str, message: Downward) -> bool: ...

    async def tell(self, concentrator: str, message: Downward) -> bool: ...


@dataclass(slots=True)
class FirmwareDesk:
    """See the module."""

    store: Store
    clock: Clock
    chance: Chance
    courier: Courier
    errors: list[Exception] = field(default_factory=list)
    _taken: set[tuple[str, str]] = field(default_factory=set)  # offers that were receipted
    _last: tuple[str, bytes] | None = None  # of the shelf; the next piece is most often of the same

    async def run(self) -> None:
        """Offer what was entered, until cancelled."""
        while True:
            try:
                await self._offer_all()
            except Exception as error:
                trouble.note(self.errors, _log, "no firmware offered", error)
            await asyncio.sleep(LOOK_S)

    async def _offer_all(self) -> None:
        updates = await self.store.run(lambda tx: tx.open_updates())
        fresh = [each for each in updates if (each.concentrator, each.image) not in self._taken]
        await asyncio.gather(*map(self._offer, fresh))

    async def _offer(self, update: FirmwareUpdate) -> None:
        if update.progress != OFFERED:
            return  # it has told of it, so it knows
        message = OfferFirmware(
            id=self.chance.uuid(),
            image=update.image,
            version=update.version,
            octets=len(update.octets),
            activate_at=update.activate_at,
        )
        if await self.courier.deliver(update.concentrator, message):
            self._taken.add((update.concentrator, update.image))

    async def wanted(self, concentrator: str, word: WantFirmware) -> bool:
        """Hand out a piece.  Nothing is receipted: it is asked for until it comes."""
        octets = await self._octets(concentrator, word.image)
        if octets is None:
            return False
        count = max(0, min(word.octets, PIECE_OCTETS_MAX))
        piece = FirmwarePiece(
            id=self.chance.uuid(),
            image=word.image,
            offset=word.offset,
            octets=octets[word.offset : word.offset + count] if word.offset >= 0 else b"",
        )
        await self.courier.tell(concentrator, piece)
        return False

    async def _octets(self, concentrator: str, image: str) -> bytes | None:
        """Those of a concentrator's own firmware, or of an image on the shelf."""
        if self._last is not None and self._last[0] == image:
            return self._last[1]
        update = await self.store.run(lambda tx: tx.firmware_update(concentrator, image))
        if update is not None:
            return update.octets
        found = await self.store.run(lambda tx: tx.image(image))
        if found is None:
            return None
        self._last = image, found.octets
        return found.octets

    async def told(self, concentrator: str, word: FirmwareTold) -> bool:
        """How an image fares; True: it need not be told again."""
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            update = tx.firmware_update(concentrator, word.image)
            if update is not None and not update.final:
                progress = str(word.progress)
                tx.put_update(replace(update, progress=progress, told_at=now, why=word.why))

        await self.store.run(work)
        _log.info(
            "firmware",
            concentrator=concentrator,
            version=word.version,
            progress=str(word.progress),
            why=word.why,
        )
        return True
