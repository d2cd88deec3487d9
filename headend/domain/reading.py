"""What is read of a meter: which object, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WantedObject:
    """An attribute to read.  `word` is what people call it, from the meter's model; of a profile's
    rows those after `after`, up to and with `until`, where these are told."""

    class_id: int
    name: str  # logical name, "1.0.1.8.0.255"
    attribute: int = 2
    word: str = ""
    after: datetime | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        return self.word or self.name


@dataclass(frozen=True, slots=True)
class Reading:
    """One value as the meter gave it, and as it is meant.

    `value` is decimal text in `unit`, or other text; None where the meter gave none, and `error`
    tells why.  `raw` is the value's A-XDR octets as they came.  `at` is the time the meter gives,
    or that of receipt.  `quality` names what was odd: "late", "duplicate", "trailing-octets".
    """

    meter: str
    name: str
    attribute: int
    at: datetime
    received_at: datetime
    source: str  # "order 12", "push 7"
    word: str = ""
    value: str | None = None
    unit: str | None = None
    error: str | None = None
    raw: bytes = b""
    quality: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Push:
    """What a meter said unasked, kept as it came.

    `meter` is None where the sender is not known; `plain` None where it could not be opened, and
    `quality` tells why.  `told` is the decoded body, for people.
    """

    came_from: str
    received_at: datetime
    wire: bytes
    digest: str
    meter: str | None = None
    title: str = ""
    sent_at: datetime | None = None
    plain: bytes | None = None
    told: str = ""
    quality: tuple[str, ...] = ()
