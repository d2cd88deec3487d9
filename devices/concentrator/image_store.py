"""Images for meters in a concentrator's flash: each fetched once, piece by piece, whoever wants it.

What a line or a reboot cost is asked for again from the octet where it ended.  The memory is
bounded: an image that no meter awaits makes room for another, and where none can the concentrator
is busy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import simpy

from devices.concentrator.desk import Desk
from devices.concentrator.flash import MeterImages
from devices.deadlines import later
from protocols.concentrator.firmware import PIECE_OCTETS_MAX, FirmwarePiece, WantFirmware
from protocols.concentrator.messages import MeterImage

IMAGES_MAX = 4
IMAGE_OCTETS_MAX = 16 << 20
"""Of one image.  Both are assumptions; simulated meters hold 512 kB."""
ASK_AGAIN_S = 30.0


class ImageStore:
    """Those of one boot.  `arrived` is called when an image is whole."""

    def __init__(
        self,
        env: simpy.Environment,
        desk: Desk,
        held: MeterImages,
        *,
        online: Callable[[], bool],
        arrived: Callable[[], None],
    ) -> None:
        self._env = env
        self._desk = desk
        self._held = held
        self._online = online
        self._arrived = arrived
        self._halted = False
        self._rounds: dict[str, int] = {}  # questions asked, by image
        self._asked_at: dict[str, float] = {}  # by image, world's time

    def halt(self) -> None:
        """The power is gone."""
        self._halted = True

    def has_room(self, image: MeterImage) -> bool:
        """Whether it is here, or could be."""
        if image.image in self._held.octets:
            return True
        return 0 < image.octets <= IMAGE_OCTETS_MAX and (
            len(self._held.octets) < IMAGES_MAX or bool(self._unwanted())
        )

    def want(self, image: MeterImage) -> None:
        """Have it fetched, where it is not here."""
        octets = self._held.octets
        if image.image not in octets:
            while len(octets) >= IMAGES_MAX and (unwanted := self._unwanted()):
                del octets[unwanted[0]]
            octets[image.image] = b""
        if self._env.now >= self._asked_at.get(image.image, 0.0) + ASK_AGAIN_S:
            self._ask(image)

    def whole(self, image: MeterImage) -> bytes | None:
        """Its octets, once all are here."""
        octets = self._held.octets.get(image.image)
        return octets if octets is not None and len(octets) == image.octets else None

    def drop(self, image: MeterImage) -> None:
        """Its octets are not what its name says: another order begins from the first."""
        self._held.octets.pop(image.image, None)

    def go_on(self) -> None:
        """After a start, or at the beginning of a session: ask for what is missing."""
        for image in {each.image.image: each.image for each in self._held.meters.values()}.values():
            self._ask(image)

    def piece(self, message: FirmwarePiece) -> None:
        """A piece of an image; one that is not the next of an image here is passed over."""
        octets = self._held.octets.get(message.image)
        image = self._wanted(message.image)
        if octets is None or image is None or message.offset != len(octets) or not message.octets:
            return
        self._held.octets[image.image] = octets + message.octets[: image.octets - len(octets)]
        if self.whole(image) is None:
            self._ask(image)
        else:
            self._arrived()

    # --- parts -----------------------------------------------------------------------------------

    def _wanted(self, name: str) -> MeterImage | None:
        now = self._desk.now()
        wanting = (each.image for each in self._held.meters.values() if now <= each.until)
        return next((image for image in wanting if image.image == name), None)

    def _unwanted(self) -> list[str]:
        return [name for name in self._held.octets if self._wanted(name) is None]

    def _ask(self, image: MeterImage) -> None:
        octets = self._held.octets.get(image.image)
        if self._halted or octets is None or len(octets) >= image.octets:
            return
        if self._wanted(image.image) is None:
            return  # its orders are over
        self._asked_at[image.image] = self._env.now
        this_round = self._rounds[image.image] = self._rounds.get(image.image, 0) + 1
        if self._online():
            self._desk.tell(
                WantFirmware(
                    id=self._desk.new_id(),
                    at=self._desk.now(),
                    image=image.image,
                    offset=len(octets),
                    octets=min(image.octets - len(octets), PIECE_OCTETS_MAX),
                )
            )
        later(
            self._env,
            ASK_AGAIN_S,
            lambda: self._ask(image) if self._rounds[image.image] == this_round else None,
        )


def is_whole(octets: bytes, image: MeterImage) -> bool:
    """Whether octets are those that the image is named by."""
    return hashlib.sha256(octets).hexdigest() == image.image
