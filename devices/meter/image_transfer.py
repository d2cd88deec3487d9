"""Image transfer, class 18: the state machine that takes a firmware image and starts it.

Blue Book 4.3.9 and its figure of the process: initiate, blocks in any order, verify, activate.
Verifying and activating take seconds, in which the meter answers TEMPORARY_FAILURE.  What has been
transferred survives an interruption of power; a verification that was running has to be asked for
again.  After activation the meter starts anew and is silent while it does.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from devices.meter import firmware
from devices.meter.events import Event
from devices.meter.firmware import Firmware
from devices.meter.history import Deed
from devices.meter.state import MeterState
from protocols.dlms.codes import ActionResult

BLOCK_SIZE = 256
IMAGE_MAX = 512 * 1024
"""Octets of flash for an image."""

VERIFY_S = 8.0
ACTIVATE_S = 5.0
RESTART_S = 20.0
"""How long a meter is silent while a new firmware starts."""


class Status(enum.IntEnum):
    """Attribute 6, image_transfer_status."""

    NOT_INITIATED = 0
    INITIATED = 1
    VERIFICATION_INITIATED = 2
    VERIFICATION_SUCCESSFUL = 3
    VERIFICATION_FAILED = 4
    ACTIVATION_INITIATED = 5
    ACTIVATION_SUCCESSFUL = 6
    ACTIVATION_FAILED = 7


@dataclass(slots=True)
class ImageTransfer:
    """The image that is coming, and the firmware that runs."""

    status: Status = Status.NOT_INITIATED
    identifier: bytes = b""
    size: int = 0
    content: bytearray | None = None
    """None before the first initiation and after activation: flash is not held for nothing."""
    got: bytearray | None = None
    """One octet for each block, 1 when it has come."""
    enabled: bool = True
    verified: Firmware | None = None
    running: Firmware | None = None
    """The firmware that was activated; None while the delivered one runs."""
    due: float | None = None
    """When the verification or activation that runs is over, by the world's time."""
    silent_until: float = 0.0

    @classmethod
    def of(cls, meter: MeterState) -> ImageTransfer:
        return cls()

    # Methods of the class.

    def initiate(self, identifier: bytes, size: int) -> ActionResult:
        """Method 1: forget what there was and await an image."""
        if not self.enabled or self._busy:
            return ActionResult.TEMPORARY_FAILURE
        if not 0 < size <= IMAGE_MAX:
            return ActionResult.OTHER_REASON
        self.status, self.identifier, self.size = Status.INITIATED, identifier, size
        self.content, self.got = bytearray(size), bytearray(self.blocks)
        self.verified = None
        return ActionResult.SUCCESS

    def take(self, number: int, block: bytes) -> ActionResult:
        """Method 2: one block, in any order, as often as the client likes."""
        if not self.enabled or self.content is None or self.got is None or self._busy:
            return ActionResult.TEMPORARY_FAILURE
        if self.status is Status.VERIFICATION_SUCCESSFUL:
            return ActionResult.TEMPORARY_FAILURE
        if number >= self.blocks or len(block) != min(BLOCK_SIZE, self.size - number * BLOCK_SIZE):
            return ActionResult.OTHER_REASON
        begin = number * BLOCK_SIZE
        self.content[begin : begin + len(block)] = block
        self.got[number] = 1
        self.status = Status.INITIATED
        return ActionResult.SUCCESS

    def verify(self, now: float, slow: float = 1) -> ActionResult:
        """Method 3: begin to verify; ask again for how it ended (Blue Book: temporary-failure
        while it runs)."""
        if self.status is Status.VERIFICATION_SUCCESSFUL:
            return ActionResult.SUCCESS
        if self._busy:
            return ActionResult.TEMPORARY_FAILURE
        if self.status is Status.VERIFICATION_FAILED:
            return ActionResult.OTHER_REASON
        if self.status is not Status.INITIATED or self.first_missing < self.blocks:
            return ActionResult.OTHER_REASON
        self.status, self.due = Status.VERIFICATION_INITIATED, now + VERIFY_S * slow
        return ActionResult.TEMPORARY_FAILURE

    def activate(self, now: float, slow: float = 1) -> ActionResult:
        """Method 4: begin to activate what was verified."""
        if self.status is Status.ACTIVATION_SUCCESSFUL:
            return ActionResult.SUCCESS
        if self._busy:
            return ActionResult.TEMPORARY_FAILURE
        if self.status is not Status.VERIFICATION_SUCCESSFUL:
            return ActionResult.OTHER_REASON
        self.status, self.due = Status.ACTIVATION_INITIATED, now + ACTIVATE_S * slow
        return ActionResult.TEMPORARY_FAILURE

    # What the attributes show.

    @property
    def blocks(self) -> int:
        """How many blocks the image has."""
        return -(-self.size // BLOCK_SIZE)

    @property
    def first_missing(self) -> int:
        """Attribute 4: the first block that has not come; beyond the last when all have."""
        if self.got is None:
            return 0
        found = self.got.find(0)
        return self.blocks if found < 0 else found

    @property
    def _busy(self) -> bool:
        return self.due is not None

    def silences(self, now: float) -> bool:
        """Whether the meter is starting a new firmware."""
        return now < self.silent_until

    # Time.

    def next_deadline(self, meter: MeterState) -> float | None:
        return self.due

    def advance(self, meter: MeterState, now: float) -> None:
        if self.due is None or now < self.due:
            return
        at, self.due = self.due, None
        if self.status is Status.VERIFICATION_INITIATED:
            self._verified(meter, now)
        elif self.status is Status.ACTIVATION_INITIATED:
            self._activated(meter, at)

    def interrupted(self) -> None:
        """Power was lost: a verification stops, and an activation that had begun is done before
        the meter answers again."""
        if self.status is Status.VERIFICATION_INITIATED:
            self.status, self.due = Status.INITIATED, None

    def _verified(self, meter: MeterState, now: float) -> None:
        assert self.content is not None
        found = firmware.inspect(bytes(self.content))
        if found is None or found.hardware != meter.type.hardware:
            self.status = Status.VERIFICATION_FAILED
            meter.happened(Event.FIRMWARE_VERIFICATION_FAILED, now)
            return
        self.status, self.verified = Status.VERIFICATION_SUCCESSFUL, found
        meter.happened(Event.FIRMWARE_READY, now)

    def _activated(self, meter: MeterState, at: float) -> None:
        assert self.verified is not None
        self.status, self.running = Status.ACTIVATION_SUCCESSFUL, self.verified
        self.content = self.got = None
        self.silent_until = at + RESTART_S
        meter.happened(Event.FIRMWARE_ACTIVATED, at)
        meter.record(at, Deed.FIRMWARE_ACTIVATED, "image transfer", self.running.version)
        meter.drop_links()
