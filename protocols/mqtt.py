"""What an MQTT message carries beside its payload (MQTT 5.0, 3.3.2.3), as plain data.

A broker or client of MQTT 3.1.1 gives none of it: whoever reads these properties has another way
where they are absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of a publication that end systems exchange.

    `expiry_s` is the message's remaining life in whole seconds: a broker subtracts the time that
    the message waited in it, and drops what has expired (3.3.2.3.3).
    """

    response_topic: str | None = None
    correlation: bytes | None = None
    expiry_s: int | None = None
    content_type: str | None = None
    user: tuple[tuple[str, str], ...] = ()


NO_PROPERTIES: Final = Properties()


@dataclass(frozen=True, slots=True)
class Packet:
    """One message on a topic."""

    topic: str
    payload: bytes
    properties: Properties = NO_PROPERTIES
