"""A concentrator's own firmware: offered, fetched piece by piece, verified, activated at a time.
And what orders and results say of a meter's.

The concentrator asks for each piece, so that what a line or a reboot cost it is asked for again.
"""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from protocols.concentrator.direction import FromConcentrator, ToConcentrator

PIECE_OCTETS_MAX = 32_768


class Progress(enum.StrEnum):
    """How far an image has come."""

    FETCHING = "fetching"
    VERIFIED = "verified"  # whole, its digest is right, and it waits for its time
    REFUSED = "refused"  # not taken: `why` tells
    ACTIVE = "active"  # it runs
    ROLLED_BACK = "rolled-back"  # it did not start; the one before runs again


class OfferFirmware(ToConcentrator, frozen=True, tag="offer-firmware", kw_only=True):
    """Fetch an image, and activate it at a time; answered by a `receipt`.

    Another offer takes the place of one that is not active yet.
    """

    image: str  # its SHA-256, hexadecimal
    version: str  # as `online` will tell it
    octets: int
    activate_at: datetime  # by the head-end's time; at once where it has passed


class FirmwarePiece(ToConcentrator, frozen=True, tag="firmware-piece", kw_only=True):
    """Octets of an image from an offset on; answers `want-firmware`."""

    image: str
    offset: int
    octets: bytes  # base64 in JSON


class WantFirmware(FromConcentrator, frozen=True, tag="want-firmware", kw_only=True):
    """The next piece, please; asked again until it comes."""

    image: str
    offset: int
    octets: int  # at most


class FirmwareTold(
    FromConcentrator, frozen=True, tag="firmware-told", omit_defaults=True, kw_only=True
):
    """How an image fares.  Sent again until the head-end's receipt arrives."""

    image: str
    version: str
    progress: Progress
    why: str = ""


# --- meters' firmware: parts of `execute` and `result` --------------------------------------------


class MeterImage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The image that a meter is to run.  Its octets are asked for by `want-firmware`."""

    image: str  # its SHA-256, hexadecimal
    octets: int
    identifier: bytes  # image_identifier of method 1 (class 18)
    version: str  # as the meter tells it when it runs
    version_object: str  # logical name of the Data object (class 1) that tells it
    signature: bytes = b""  # image_to_activate_signature must be this, where there is one
    activate: bool = True  # False: bring it and have it verified, no more


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
    sent: int = 0  # to this meter alone in this attempt, repetitions included
    broadcast: int = 0  # to all meters at once, for this image, until now
    repaired: int = 0  # to this meter alone, for this image, until now; behind a concentrator
    version: str = ""  # that the meter told

    @property
    def verified(self) -> bool:
        """Whether only the activation is left."""
        return self.stage is Stage.VERIFIED
