"""A meter's firmware: the image that it is to run, and what results tell of how far it has come."""

from __future__ import annotations

import enum

import msgspec


class MeterImage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The image that a meter is to run.  A concentrator asks for its octets by `want-firmware`."""

    image: str  # its SHA-256, hexadecimal
    octets: int
    identifier: bytes  # image_identifier of method 1 (class 18)
    version: str  # as the meter tells it when it runs
    version_object: str  # logical name of the Data object (class 1) that tells it
    signature: bytes = b""  # image_to_activate_signature must be this, where there is one
    activate: bool = True  # the time has come to start it, once it is verified


class Stage(enum.StrEnum):
    """How far a meter's firmware has come."""

    FETCHING = "fetching"  # the concentrator has not the whole image yet
    TRANSFERRING = "transferring"
    VERIFYING = "verifying"
    VERIFIED = "verified"  # the meter holds it and says that it is whole
    STARTING = "starting"  # activation was asked for, and the meter has not shown its version yet
    RUNNING = "running"  # the meter has told the version
    REJECTED = "rejected"  # the meter's own verification failed
    FOREIGN = "foreign"  # what the meter would activate is not what was sent: nothing was activated
    DAMAGED = "damaged"  # the octets here have another digest: nothing was sent
    UNCHANGED = "unchanged"  # after the activation the meter tells another version


class UpdateTold(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How far a meter's firmware has come, as whoever speaks with the meter saw it."""

    stage: Stage
    blocks: int = 0  # that the image has at this meter
    missing: int = 0  # of them, when last asked
    sent: int = 0  # in this attempt, repetitions included
    version: str = ""  # that the meter told

    @property
    def verified(self) -> bool:
        """Whether only the activation is left."""
        return self.stage is Stage.VERIFIED
