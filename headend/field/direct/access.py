"""What lets one client into one meter: its credentials, its title, its invocation counters.

Each client (head-end, concentrator, technician's probe) has a system title of its own, and no two
share a key, so that no GCM nonce repeats (DESIGN 12).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from protocols.dlms.keys import KeyPairs, Keys


@dataclass(frozen=True, slots=True)
class Credentials:
    """What this client and this meter share: a password, keys, key pairs, or nothing.

    `meter_title` is the only system title accepted; None takes the one that the meter names.
    """

    password: bytes | None = field(default=None, repr=False)
    keys: Keys | None = field(default=None, repr=False)
    pairs: KeyPairs | None = field(default=None, repr=False)
    meter_title: bytes | None = None


class Counters(Protocol):
    """The counters that one conversation uses under one key.  They only ever grow."""

    async def load(self) -> tuple[int | None, int]:
        """The next of ours, None while nobody knows it, and the lowest accepted from the meter."""
        ...

    async def reserve(self, end: int) -> None:
        """Return once it is durable that every counter below `end` may have been used."""
        ...

    async def settle(self, next_own: int, peer_lowest: int) -> None:
        """The conversation is over: the next of ours is `next_own`, and none above it was used."""
        ...


@dataclass(slots=True)
class MemoryCounters:
    """Counters for a client that has no key to protect, and for tests."""

    next_own: int | None = None
    peer_lowest: int = 0

    async def load(self) -> tuple[int | None, int]:
        return self.next_own, self.peer_lowest

    async def reserve(self, end: int) -> None:
        self.next_own = max(end, self.next_own or 0)

    async def settle(self, next_own: int, peer_lowest: int) -> None:
        self.next_own, self.peer_lowest = next_own, max(peer_lowest, self.peer_lowest)


@dataclass(frozen=True, slots=True)
class Access:
    """One client's way into one meter."""

    system_title: bytes = b""
    credentials: Credentials = Credentials()
    counters: Counters = field(default_factory=MemoryCounters)
