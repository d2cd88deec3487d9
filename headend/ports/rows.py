"""Rows of profiles that the head-end reads by itself: where to go on, and who takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from protocols.concentrator.collecting import Layout


@dataclass(frozen=True, slots=True)
class RowsHeld:
    """Up to where the rows of a profile are here.  `newest` None: there are none yet.

    `doubtful`: its clock was dirty, so what it calls `newest` may be another time.
    """

    newest: datetime | None = None
    doubtful: bool = False
    layout: Layout | None = None


@dataclass(frozen=True, slots=True)
class RowsGathered:
    """A part of a profile's buffer as a meter gave it, read by an order of ours.

    `number` counts the parts that one session brought; `octets` is the buffer in A-XDR.
    """

    source: str  # the lane by which it came
    meter: str
    order: int
    number: int
    read_at: datetime
    layout: Layout
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RowsKept:
    """What such a part held.  `trouble` tells why its octets, which are kept, are no rows."""

    count: int
    first: datetime | None = None
    last: datetime | None = None
    trouble: str = ""


class ProfileRows(Protocol):
    """Keeps the rows that were read of meters."""

    async def held(self, meter: str, profile: str) -> RowsHeld: ...

    async def take(self, gathered: RowsGathered) -> RowsKept:
        """Keep what was read, once."""
        ...
