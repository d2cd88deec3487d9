"""A concentrator's own firmware: offered, fetched piece by piece, verified, activated at a time.

The concentrator asks for each piece, so that what a line or a reboot cost it is asked for again.
"""

from __future__ import annotations

import enum
from datetime import datetime

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
