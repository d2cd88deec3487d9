"""What others are told of as it comes."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from headend.domain.change import Change


class ChangeWords(Protocol):
    """Changes, and how far each of their readers has come."""

    def tell(self, change: Change) -> None:
        """Write a change down with what it is of; nothing where nobody is to be told."""
        ...

    def arrived(
        self, meter: str, what: str, count: int, first: datetime, last: datetime, *, now: datetime
    ) -> None:
        """Values of a meter were kept; those of one transaction are told as one change."""
        ...

    def number_changes(self, limit: int) -> int:
        """Give positions to changes that are committed and have none; to how many."""
        ...

    def changes(self, after: int, limit: int) -> list[Change]:
        """By position."""
        ...

    def change_mark(self, name: str) -> int:
        """How far a reader has come."""
        ...

    def set_change_mark(self, name: str, position: int) -> None: ...

    def forget_changes(self, before: datetime, limit: int) -> int:
        """Remove old ones; how many."""
        ...
