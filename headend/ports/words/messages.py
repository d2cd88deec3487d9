"""Commercial messages that came in, and the log of all that came to a CIM door."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from headend.domain.message_log import DoorMessage
from headend.ports.memory import InboundMessage


class MessageWords(Protocol):
    """Commercial messages that came in."""

    def inbound(self, source: str, message_id: str) -> InboundMessage | None: ...
    def add_inbound(self, message: InboundMessage) -> None: ...
    def set_answer(self, transaction_id: str, answer: bytes) -> None: ...
    def add_door_messages(self, messages: Iterable[DoorMessage]) -> None:
        """Lines of the log, which numbers them."""
        ...
