"""A concentrator's firmware, as somebody wants it to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

OFFERED = "offered"  # nothing was heard of it yet
FINAL = frozenset({"refused", "active", "rolled-back"})


@dataclass(frozen=True, slots=True)
class FirmwareUpdate:
    """One image for one concentrator.  `progress` is the last that it told, or "offered"."""

    concentrator: str
    image: str  # SHA-256, hexadecimal
    version: str
    activate_at: datetime
    made_at: datetime
    octets: bytes = field(repr=False)
    progress: str = OFFERED
    told_at: datetime | None = None
    why: str = ""

    @property
    def final(self) -> bool:
        return self.progress in FINAL
