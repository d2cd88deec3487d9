"""Bring a meter to another firmware over any number of sessions: what to do next, without I/O.

    steps = advance(image, octets, memory, ...)
    Talk(procedure)    run it in the session under way; answered by what it returns
    Remember(memory)   put it where it outlives this process; the next step waits until it is there

Each session looks where the meter stands and goes on from there, so that a line which breaks, a
meter that loses its power and a driver that dies cost the blocks under way and no more.  The class
does not tell which image a meter holds a part of: that is remembered.  Memory that is wrong, as
another client has been there, is found out by the meter's own verification, and the image sent once
anew.

A meter is never left with what it cannot start: the digest is compared before the first block, the
meter's verification and its word on what it would activate before the activation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

from msgspec.structs import replace as changed

from protocols.concentrator.messages import Status
from protocols.concentrator.meter_firmware import MeterImage, Stage, UpdateTold
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.image import ImageStatus
from protocols.dlms.procedures import firmware
from protocols.dlms.procedures.firmware import Sent, Standing
from protocols.dlms.procedures.steps import Outcome, Pause, Request

ROUNDS = 3
"""How often a meter is sent blocks that it took and says not to have, before that is a failure."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What must be known of a meter and an image between two sessions."""

    initiated: bool = False  # the meter was told of this image, and has been of no other since
    resumed: bool = False  # its blocks came in more than one session
    anew: bool = False  # it was initiated a second time, after a verification that failed
    activated: bool = False  # the activation was asked for, or was about to be


@dataclass(frozen=True, slots=True)
class Talk:
    """See the module."""

    procedure: Generator[Request | Pause, Any, Any]


@dataclass(frozen=True, slots=True)
class Remember:
    """See the module."""

    memory: Memory


Steps = Generator[Talk | Remember, Any, Outcome]

_OVER = frozenset(
    {ImageStatus.NOT_INITIATED, ImageStatus.ACTIVATION_SUCCESSFUL, ImageStatus.ACTIVATION_FAILED}
)
"""Where a meter holds no image to go on with."""


@dataclass(slots=True)
class Advance:
    """One session's share of an update.

    `go_on` is asked before each block; `sent` hears of each that the meter took.  `activate`: what
    is verified may be started now, unless `may_start` says otherwise immediately before.
    `starting`: the activation was asked for so shortly ago that the meter may still tell its old
    version.
    """

    image: MeterImage
    octets: bytes
    memory: Memory
    go_on: Callable[[], bool] = lambda: True
    sent: Callable[[int], None] = lambda number: None
    activate: bool = True
    may_start: Callable[[], bool] = lambda: True
    starting: bool = False
    told: UpdateTold = UpdateTold(stage=Stage.TRANSFERRING)
    block_octets: int = 0  # of the meter's blocks, once it was looked at
    lacking: tuple[int, ...] = ()  # the blocks that were missing when sending began

    def steps(self) -> Steps:
        """Until the session's share is done: DONE, UNDERWAY, or how it failed."""
        if hashlib.sha256(self.octets).hexdigest() != self.image.image:
            return self._failed(Stage.DAMAGED, "the octets have another digest")
        found = yield Talk(firmware.look(LogicalName(self.image.version_object)))
        if isinstance(found, Outcome):
            return found
        assert isinstance(found, Standing)
        self.block_octets = found.block_octets
        blocks = -(-len(self.octets) // found.block_octets)
        self.told = UpdateTold(stage=Stage.TRANSFERRING, blocks=blocks, version=found.version)
        if found.version == self.image.version:
            self._at(Stage.RUNNING, missing=0)
            return Outcome(Status.DONE, update=self.told)
        if self.memory.activated:
            if found.status is ImageStatus.ACTIVATION_INITIATED:
                return self._underway(Stage.STARTING)
            if found.status in _OVER:
                if self.starting and found.status is not ImageStatus.ACTIVATION_FAILED:
                    return self._underway(Stage.STARTING)
                return (yield from self._given_up(Stage.UNCHANGED, _unchanged(found)))
        ended = yield from self._transfer(found)
        if isinstance(ended, Outcome):
            return ended
        return (yield from self._start(ended))

    # --- parts -----------------------------------------------------------------------------------

    def _transfer(self, found: Standing) -> Generator[Talk | Remember, Any, ImageStatus | Outcome]:
        """Steps 2 to 4, where they are not done: the status with which the next ones begin."""
        status = found.status
        if self.memory.initiated and status is ImageStatus.VERIFICATION_FAILED:
            if not self.memory.resumed or self.memory.anew:
                why = "the meter's verification failed"
                return (yield from self._given_up(Stage.REJECTED, why))
            self.memory = Memory(anew=True)  # it may hold blocks of two images
        if not self.memory.initiated or status in _OVER:
            refused = yield Talk(firmware.initiate(self.image, enabled=found.enabled))
            if isinstance(refused, Outcome):
                return refused
            yield from self._remember(Memory(initiated=True, anew=self.memory.anew))
            missing = tuple(range(self.told.blocks))
        elif status is ImageStatus.INITIATED:
            missing = yield Talk(firmware.missing(self.told.blocks))
            if isinstance(missing, Outcome):
                return missing
            if not self.memory.resumed:
                yield from self._remember(replace(self.memory, resumed=True))
        else:
            return status
        return (yield from self._send(found, missing))

    def _send(
        self, found: Standing, missing: tuple[int, ...]
    ) -> Generator[Talk | Remember, Any, ImageStatus | Outcome]:
        rounds, self.lacking = 0, missing
        while missing:
            self._at(Stage.TRANSFERRING, missing=len(missing))
            if not self.go_on():
                return self._underway(Stage.TRANSFERRING)
            if rounds == ROUNDS:
                why = f"{len(missing)} of {self.told.blocks} blocks do not arrive"
                return self._failed(Stage.TRANSFERRING, why)
            came = yield Talk(
                firmware.send(
                    self.octets,
                    found.block_octets,
                    missing,
                    sent=self._one_more,
                    go_on=self.go_on,
                )
            )
            if isinstance(came, Outcome):
                return came
            assert isinstance(came, Sent)
            rounds = 0 if len(came.missing) < len(missing) else rounds + 1
            missing = came.missing
        self._at(Stage.VERIFYING, missing=0)
        if not self.go_on():
            return self._underway(Stage.VERIFYING)
        begun: ImageStatus | Outcome = yield Talk(firmware.begin_verification())
        return begun

    def _start(self, status: ImageStatus) -> Steps:
        """Steps 5 to 7: what the meter has verified is compared and, at its time, started."""
        if status in (ImageStatus.INITIATED, ImageStatus.VERIFICATION_INITIATED):
            return self._underway(Stage.VERIFYING)
        if status is ImageStatus.ACTIVATION_INITIATED:
            return self._underway(Stage.STARTING)
        if status is not ImageStatus.VERIFICATION_SUCCESSFUL:
            if self.memory.resumed and not self.memory.anew:
                return self._underway(Stage.VERIFYING)  # the next session sends it anew
            return (yield from self._given_up(Stage.REJECTED, "the meter's verification failed"))
        self._at(Stage.VERIFIED, missing=0)
        why = yield Talk(firmware.differing(self.image))
        if isinstance(why, Outcome):
            return why
        if why:
            return (yield from self._given_up(Stage.FOREIGN, why))
        if not (self.activate and self.may_start()):
            return self._underway(Stage.VERIFIED)
        yield from self._remember(replace(self.memory, activated=True))
        begun = yield Talk(firmware.begin_activation())
        if isinstance(begun, Outcome):
            return begun
        if begun is ImageStatus.ACTIVATION_FAILED:
            return (yield from self._given_up(Stage.UNCHANGED, "the activation failed"))
        return self._underway(Stage.STARTING)

    def _one_more(self, number: int) -> None:
        told = self.told
        self.told = changed(told, missing=max(0, told.missing - 1), sent=told.sent + 1)
        self.sent(number)

    def _at(self, stage: Stage, *, missing: int) -> None:
        self.told = changed(self.told, stage=stage, missing=missing)

    def _remember(self, memory: Memory) -> Generator[Remember, Any, None]:
        self.memory = memory
        yield Remember(memory)

    def _underway(self, stage: Stage) -> Outcome:
        self._at(stage, missing=self.told.missing)
        return Outcome(Status.UNDERWAY, update=self.told)

    def _failed(self, stage: Stage, why: str) -> Outcome:
        self._at(stage, missing=self.told.missing)
        return Outcome(Status.NOT_APPLIED, update=self.told, detail=why)

    def _given_up(self, stage: Stage, why: str) -> Steps:
        """It fails for good; a later order begins from the start."""
        yield from self._remember(Memory())
        return self._failed(stage, why)


def _unchanged(found: Standing) -> str:
    return f"after the activation the meter tells {found.version!r}"


def in_one_session(
    advance: Advance, remember: Callable[[Memory], None]
) -> Generator[Request | Pause, Any, Outcome]:
    """A session's share as one procedure, for whoever can remember at once."""
    steps = advance.steps()
    answer: Any = None
    try:
        while True:
            match steps.send(answer):
                case Talk(talk):
                    answer = yield from talk
                case Remember(memory):
                    remember(memory)
                    answer = None
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
