"""What a line shall carry and how it shall be set, in order, each at its time or later."""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from protocols.link import SetLine

T = TypeVar("T", bytes, SetLine)


class LineScript:
    """Octets and settings.  One that is not taken keeps back those behind it."""

    def __init__(self) -> None:
        self._items: deque[tuple[float, bytes | SetLine]] = deque()
        self._now = float("-inf")

    def __bool__(self) -> bool:
        return bool(self._items)

    def add(self, item: bytes | SetLine, at: float) -> None:
        """Not before `at`."""
        self._items.append((at, item))

    def advance(self, now: float) -> None:
        """It is so late."""
        self._now = max(self._now, now)

    def octets(self) -> bytes | None:
        """The octets to transmit next, if it is their turn and time."""
        item = self._due()
        return self._take(item) if isinstance(item, bytes) else None

    def setting(self) -> SetLine | None:
        """The setting to make next, if it is its turn and time."""
        item = self._due()
        return self._take(item) if isinstance(item, SetLine) else None

    def next_deadline(self) -> float | None:
        """When the next item's time comes; None when it has come, or there is none."""
        due = self._items[0][0] if self._items else None
        return due if due is not None and due > self._now else None

    def clear(self) -> None:
        """Nothing of it any more."""
        self._items.clear()

    def _due(self) -> bytes | SetLine | None:
        return self._items[0][1] if self._items and self._items[0][0] <= self._now else None

    def _take(self, item: T) -> T:
        self._items.popleft()
        return item
