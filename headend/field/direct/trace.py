"""What travelled on a line, both ways and with its time: for explain, captures and dry runs.

`frame` entries are the octets of the line, `apdu` entries what the engine sent and took, with the
deciphered form beside it.  `secret` marks what may hold a password in clear: it goes into a capture
that somebody asked for, never into a log.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from headend.ports import Clock


class Layer(enum.StrEnum):
    """What an entry shows."""

    LINE = "line"  # opened, closed, another speed; `text` tells
    FRAME = "frame"
    APDU = "apdu"
    VIOLATION = "violation"  # what was refused, and got over; `text` tells why


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    at: datetime
    layer: Layer
    direction: Literal["down", "up", "withheld", ""] = ""
    octets: bytes = b""
    plain: bytes | None = None  # deciphered APDU; None for the association's own messages
    text: str = ""
    secret: bool = False


class Trace:
    """The entries of one conversation, in the order in which they happened.

    `told` hears each as it comes.
    """

    def __init__(self, clock: Clock, told: Callable[[Entry], None] | None = None) -> None:
        self._clock = clock
        self._told = told
        self.entries: list[Entry] = []

    def note(
        self,
        layer: Layer,
        text: str = "",
        *,
        direction: Literal["down", "up", "withheld", ""] = "",
        octets: bytes = b"",
        plain: bytes | None = None,
        secret: bool = False,
    ) -> None:
        """Add an entry with the present time."""
        entry = Entry(self._clock.now(), layer, direction, octets, plain, text, secret)
        self.entries.append(entry)
        if self._told is not None:
            self._told(entry)

    def apdus(self) -> list[Entry]:
        """The application messages alone."""
        return [entry for entry in self.entries if entry.layer is Layer.APDU]
