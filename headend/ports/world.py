"""The time of day and chance: wall clock and system when live, simulated and seeded otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time of day comes from.  Waiting goes through asyncio."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


class Chance(Protocol):
    """Where chance comes from; seeded when simulated."""

    def uuid(self) -> str: ...

    def uniform(self, name: str, low: float, high: float) -> float:
        """A draw from the stream called `name`."""
        ...

    def octets(self, name: str, count: int) -> bytes:
        """So many octets that nobody can guess when live; from the stream called `name`."""
        ...
