"""A concentrator's own firmware: fetched into the second of two places, verified, activated, and
taken back where it does not start.

An image that does not start is one in whose text stands `BOOTS_NOT`; a real one fails by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

import simpy

from devices.concentrator.desk import Desk
from devices.concentrator.flash import Flash, Image
from devices.concentrator.own_clock import OwnClock
from devices.deadlines import later
from protocols.concentrator.firmware import (
    PIECE_OCTETS_MAX,
    FirmwarePiece,
    FirmwareTold,
    OfferFirmware,
    Progress,
    WantFirmware,
)
from protocols.concentrator.messages import encode
from protocols.concentrator.upkeep import EventCode

BOOTS_NOT = b"BOOTS NOT"
IMAGE_OCTETS_MAX = 64 << 20  # assumption: what the second place holds
ASK_AGAIN_S = 30.0
WATCHDOG_S = 60.0  # from power to the watchdog's verdict


def starts(flash: Flash) -> bool:
    """Whether the firmware that is to run now starts.  One that does not is not tried again: the
    watchdog goes back to the one before."""
    image = flash.image
    if image is None or not image.activating or BOOTS_NOT not in image.octets:
        return True
    image.activating, image.failed = False, True
    return False


class Updating:
    """See the module.  `restart` starts the device anew; `online` tells whether there is a
    session."""

    def __init__(
        self,
        env: simpy.Environment,
        desk: Desk,
        flash: Flash,
        clock: OwnClock,
        *,
        online: Callable[[], bool],
        restart: Callable[[str], None],
        note: Callable[[EventCode, str], None],
    ) -> None:
        self._env = env
        self._desk = desk
        self._flash = flash
        self._clock = clock
        self._online = online
        self._restart = restart
        self._note = note
        self._halted = False
        self._round = 0

    def start(self) -> None:
        """After a start: go on with what was under way, or see whether the new image runs."""
        image = self._flash.image
        if image is None:
            return
        if image.failed:
            image.failed = False
            self._tell(image, Progress.ROLLED_BACK, "it did not start")
        elif image.activating:
            image.activating = False
            self._flash.firmware = image.version
            self._tell(image, Progress.ACTIVE)
        elif image.progress is Progress.VERIFIED:
            self._wait_for_its_time(image)
        else:
            self._fetch()

    def halt(self) -> None:
        """The power is gone."""
        self._halted = True

    def session_begun(self) -> None:
        """What could not be asked for is asked for now."""
        self._fetch()

    def offered(self, message: OfferFirmware) -> None:
        """The head-end has an image for us."""
        known = self._flash.image
        if known is not None and known.sha256 == message.image:
            return  # the message came twice
        behind_s = self._clock.behind_s(message.at, self._env.now)
        at = message.activate_at - timedelta(seconds=behind_s)
        image = Image(message.image, message.version, message.octets, at)
        self._flash.image = image
        if not 0 < message.octets <= IMAGE_OCTETS_MAX:
            self._refuse(image, f"{message.octets} octets have no room")
        else:
            self._note(EventCode.FIRMWARE, f"{message.version} is offered")
            self._fetch()

    def piece(self, message: FirmwarePiece) -> None:
        """A piece of it."""
        image = self._flash.image
        if image is None or image.sha256 != message.image or message.offset != len(image.octets):
            return
        if image.progress is not Progress.FETCHING or not message.octets:
            return
        image.octets += message.octets[: image.size - len(image.octets)]
        if len(image.octets) < image.size:
            self._fetch()
        elif hashlib.sha256(image.octets).hexdigest() != image.sha256:
            self._refuse(image, "its digest is wrong")
        else:
            self._tell(image, Progress.VERIFIED)
            self._wait_for_its_time(image)

    # --- parts -----------------------------------------------------------------------------------

    def _fetch(self) -> None:
        image = self._flash.image
        if self._halted or image is None or image.progress is not Progress.FETCHING:
            return
        self._round += 1
        this_round = self._round
        if self._online():
            rest = image.size - len(image.octets)
            self._desk.tell(
                WantFirmware(
                    id=self._desk.new_id(),
                    at=self._desk.now(),
                    image=image.sha256,
                    offset=len(image.octets),
                    octets=min(rest, PIECE_OCTETS_MAX),
                )
            )
        later(
            self._env,
            ASK_AGAIN_S,
            lambda: self._fetch() if self._round == this_round else None,
        )

    def _wait_for_its_time(self, image: Image) -> None:
        left_s = (image.activate_at - self._desk.now()).total_seconds()
        later(self._env, max(1.0, left_s), lambda: self._activate(image))

    def _activate(self, image: Image) -> None:
        if self._halted or self._flash.image is not image or image.activating:
            return
        image.activating = True
        self._note(EventCode.FIRMWARE, f"{image.version} is activated")
        self._restart(f"new firmware {image.version}")

    def _refuse(self, image: Image, why: str) -> None:
        image.octets = b""
        self._tell(image, Progress.REFUSED, why)

    def _tell(self, image: Image, progress: Progress, why: str = "") -> None:
        image.progress = progress
        told = f"{image.version}: {progress}" + (f", {why}" if why else "")
        self._note(EventCode.FIRMWARE, told)
        message = FirmwareTold(
            id=self._desk.new_id(),
            at=self._desk.now(),
            image=image.sha256,
            version=image.version,
            progress=progress,
            why=why,
        )
        self._desk.outbox.owe(message.id, encode(message))
