"""Readings, pushes and intervals, as they were received."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from headend.domain.reading import Push, Reading

IntervalRow = tuple[Any, ...]
"""Meter, end of the interval in POSIX seconds, status, then the quantities: integers or None."""


class ReadingWords(Protocol):
    """Readings, pushes and intervals, as they were received."""

    def add_readings(self, readings: Iterable[Reading]) -> None: ...
    def add_push(self, push: Push) -> int:
        """Keep a push; its number."""
        ...

    def push_was_here(self, digest: str) -> bool:
        """Whether a push with this digest is kept already."""
        ...

    def add_intervals(self, rows: Sequence[IntervalRow]) -> int:
        """Keep what is new of a load profile's quantities; how many are."""
        ...
