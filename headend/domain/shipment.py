"""What a manufacturer delivers: meters as a file says them, and the receipt of such a file."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Fate(enum.StrEnum):
    """What becomes of one line of a shipment."""

    ENTERED = "entered"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A shipment that was taken in.  `digest` is the SHA-256 of the file in hexadecimal digits; the
    same file is not taken twice."""

    number: int
    digest: str
    file: str
    taken_at: datetime
    who: str
    meters: int
    entered: int
    changed: int
    unchanged: int
    keys_new: int
    keys_kept: int
