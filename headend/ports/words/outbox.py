"""What is owed to the commercial side."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from headend.ports.memory import Outgoing


class OutboxWords(Protocol):
    """What is owed to the commercial side."""

    def post(self, outgoing: Outgoing) -> None: ...
    def due_outgoing(
        self, now: datetime, limit: int, *, channels: Collection[str] | None = None
    ) -> list[Outgoing]:
        """Heads of their (order, channel) queues that are due, the longest due first.  With
        `channels`, of these alone: rows that nobody delivers must not use up the limit."""
        ...

    def next_outgoing_due(self, *, channels: Collection[str] | None = None) -> datetime | None: ...
    def postpone(self, message_id: str, *, until: datetime) -> None:
        """Count a try; the next one not before `until`."""
        ...

    def note_trouble(self, message_id: str, what: str) -> None:
        """Keep why a try came to nothing, for whoever asks what the message waits for."""
        ...

    def settle(self, message_id: str, *, at: datetime) -> bool:
        """The consumer acknowledged; False when it had already, or when there is no such message
        (receipts come from outside)."""
        ...

    def unsettled(self) -> int: ...
