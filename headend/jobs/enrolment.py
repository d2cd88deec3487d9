"""Which devices may get packages.  A device is enrolled once, by its card, and keeps its name."""

from __future__ import annotations

from dataclasses import dataclass

from headend.domain.job import Device
from headend.ports import AlreadyStored, Clock, Store
from protocols.jobs.cards import DeviceCard, HeadEndCard, decode_card, encode_card
from protocols.jobs.errors import JobRefused, Refused


class NotEnrolled(ValueError):
    """The device cannot be taken; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Takes devices in."""

    store: Store
    clock: Clock

    async def enrol(self, name: str, octets: bytes) -> Device:
        """Take a device over by its card.  The same card again changes nothing.

        Raises NotEnrolled for a name or a title that another device has, JobRefused for no card.
        """
        card = device_card(octets)
        known = await self.store.run(lambda tx: tx.device(name))
        if known is not None and device_card(known.card) == card:
            return known
        title = card.system_title.hex().upper()
        device = Device(name, title, encode_card(card), self.clock.now())
        try:
            await self.store.run(lambda tx: tx.add_device(device))
        except AlreadyStored as error:
            text = f"another device has the name {name} or the system title {title}"
            raise NotEnrolled(f"{text}. Try: another --name, or ami job devices") from error
        return device


def device_card(octets: bytes) -> DeviceCard:
    """A device's card.  Raises JobRefused."""
    card = decode_card(octets)
    if isinstance(card, HeadEndCard):
        text = "this is a head-end's card, not a device's"
        raise JobRefused(Refused.NO_FILE_OF_OURS, f"{text}. Try: ami probe job enrol --out CARD")
    return card
