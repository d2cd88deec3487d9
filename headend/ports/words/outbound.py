"""CIM messages owed to other systems, and what they are made from."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from headend.ports.memory import OutboundMessage, OutboundStream


class OutboundWords(Protocol):
    """Streams by name, their messages by id."""

    def add_stream(self, stream: OutboundStream) -> None: ...
    def stream(self, name: str) -> OutboundStream | None:
        """To be changed: others wait until this transaction's end."""
        ...

    def streams(self, kind: str) -> list[OutboundStream]:
        """Those that are not at their end, the oldest first."""
        ...

    def move_stream(self, name: str, cursor: str) -> None: ...
    def end_stream(self, name: str) -> None:
        """No message of it is made any more; those that are made leave."""
        ...

    def post_outbound(self, message: OutboundMessage) -> None:
        """Behind the others of its stream."""
        ...

    def outbound_waiting(self, stream: str) -> int:
        """How many messages of a stream are not settled."""
        ...

    def due_outbound(self, now: datetime, limit: int, *, channel: str) -> list[OutboundMessage]:
        """Heads of their streams that are due, the longest due first."""
        ...

    def next_outbound_due(self, *, channel: str) -> datetime | None: ...
    def postpone_outbound(self, message_id: str, *, until: datetime) -> None:
        """Count a try; the next one not before `until`."""
        ...

    def note_outbound_trouble(self, message_id: str, what: str) -> None: ...
    def settle_outbound(self, message_id: str, *, at: datetime) -> bool:
        """The consumer acknowledged; False when it had already, or when there is no such one."""
        ...

    def drop_outbound(self, stream: str) -> int:
        """Give up what is owed by a stream, and the stream; how many messages."""
        ...
