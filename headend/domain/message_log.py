"""A line of the log of messages: each that came to a CIM door, and what it was answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DoorMessage:
    """One message at one door.

    `certificate` is the common name that was shown: None without mutual TLS, "" where it has none;
    `username` the name on the token.  `source` is as proven where the message was let in, and as
    claimed where it was refused.  `digest` is the SHA-256 of the octets as they came, "" where they
    were not read to their end.  `result` is Reply/Result, or FAULT; `code` and `key` are the first
    error's.  `number` is given by the store.
    """

    at: datetime
    door: str
    address: str
    certificate: str | None
    username: str | None
    source: str | None
    verb: str
    noun: str
    message_id: str | None
    correlation_id: str | None
    octets: int
    digest: str
    status: int
    result: str
    code: str
    key: str
    took_ms: int
    number: int = 0
