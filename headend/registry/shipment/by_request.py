"""A shipment that comes in a question: what the REST door asks of those who read and keep it.

The transport key never comes with the question: it is named, and lies where the head-end's
configuration says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from headend.domain.shipment import Appraised, Receipt, refused_of
from headend.ports import Transaction

LINES_TOLD = 50
EMPTY = "Look whether it is the right file: its header, or its root element, stands alone."


class NotReadable(Exception):
    """Nothing of the shipment can be looked at: its transport key, or what seals meters' keys, is
    not here.  `code` is for programs."""

    def __init__(self, code: str, why: str, next_step: str) -> None:
        super().__init__(why)
        self.code, self.next_step = code, next_step


@dataclass(slots=True)
class Weighing:
    """How many meters of each kind, and the first lines that are changed or refused."""

    meters: int = 0
    entered: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    keys_new: int = 0
    keys_kept: int = 0
    lines: list[Appraised] = field(default_factory=list)


class Refused(Exception):
    """Lines of the shipment are refused: nothing of it is kept."""

    def __init__(self, weighing: Weighing) -> None:
        super().__init__(refused_of(weighing.refused, weighing.meters))
        self.weighing = weighing


class Waiting(Protocol):
    """A shipment that was read, and waits to be taken in."""

    def enter(self, tx: Transaction, who: str, at: datetime) -> tuple[Receipt, bool]:
        """Take all of it in, or find the receipt of the same file, which was taken in before (then
        True).  Raises `Refused`, `KeyShared`."""
        ...

    def close(self) -> None:
        """Forget it."""
        ...


class Shipments(Protocol):
    """Reads shipments.  `transport` names a key of `[[keys.transport]]`; None: AMI_TRANSPORT_KEY,
    where there is one."""

    def weigh(self, octets: bytes, file: str, transport: str | None) -> Weighing:
        """What would become of it; nothing is written.  Raises `NotReadable`."""
        ...

    def read(self, octets: bytes, file: str, transport: str | None) -> Waiting:
        """Read it.  Raises `NotReadable`."""
        ...
