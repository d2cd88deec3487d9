"""Meters' firmware: images on the head-end's shelf, how far one has come at a meter, what runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

IDENTIFIER_OCTETS_MAX = 64
"""image_identifier of class 18 has no bound in the Blue Book; 64 octets are what the meters of our
models take."""

IMAGE_OCTETS_MAX = 16 << 20
"""Octets of an image on the shelf: an assumption, far above what meters hold."""


@dataclass(frozen=True, slots=True)
class MeterImage:
    """One image for one model of meters.  It is stored once, whoever gets it.

    `octets` is empty where only the shelf's label was asked for.
    """

    image: str  # SHA-256, hexadecimal
    model: str
    version: str  # as the meter tells it when it runs
    version_object: str  # logical name of the Data object (class 1) that tells it
    identifier: str  # image_identifier, as text
    size: int  # octets
    added_at: datetime
    added_by: str
    signature: str | None = None  # image_to_activate_signature, hexadecimal, where it is known
    octets: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class MeterUpdate:
    """How far an image has come at a meter, as far as the head-end knows.

    It is written down once the meter has taken the initiation, so that a later session sends what
    is missing; and before an activation is asked for, so that a meter that comes back with its old
    firmware is told from one that was never asked.
    """

    meter: str
    image: str
    order: int
    stage: str  # protocols.concentrator.firmware.Stage
    at: datetime
    initiated: bool = False
    resumed: bool = False  # its blocks came in more than one session
    anew: bool = False  # it was initiated again after a verification that failed
    activated_at: datetime | None = None  # its activation was asked for, or was about to be
    blocks: int = 0
    missing: int = 0
    sent: int = 0  # blocks, repetitions included


@dataclass(frozen=True, slots=True)
class MeterFirmware:
    """The firmware that a meter has told to run."""

    meter: str
    version: str
    told_at: datetime
    image: str | None = None  # that brought it, where the head-end did
