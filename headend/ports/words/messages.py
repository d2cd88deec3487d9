"""Commercial messages that came in."""

from __future__ import annotations

from typing import Protocol

from headend.ports.memory import InboundMessage


class MessageWords(Protocol):
    """Commercial messages that came in."""

    def inbound(self, source: str, message_id: str) -> InboundMessage | None: ...
    def add_inbound(self, message: InboundMessage) -> None: ...
    def set_answer(self, transaction_id: str, answer: bytes) -> None: ...
