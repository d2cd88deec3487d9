"""What happened to orders: journal lines and attempts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from headend.domain.order import Attempt, JournalLine, Order, State
from headend.domain.reason import ReasonCode


class JournalWords(Protocol):
    """What happened to orders: journal lines and attempts."""

    def journal(self, number: int) -> list[JournalLine]: ...
    def last_line(self, number: int) -> JournalLine | None: ...
    def begin_attempt(self, attempt: Attempt) -> None: ...
    def end_attempt(self, attempt: Attempt) -> None: ...
    def attempts(self, number: int) -> list[Attempt]: ...
    def ended_with(
        self, concentrator: str, reasons: Iterable[ReasonCode], since: datetime
    ) -> list[Order]:
        """Final orders of a concentrator with one of these reasons that ended since a time."""
        ...

    def acted_on_since(self, meter: str, number: int) -> bool:
        """Whether a command of a later order than `number` was sent to the meter."""
        ...

    def count_states(self) -> dict[State, int]: ...
