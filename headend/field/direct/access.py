"""What lets one client into one meter: its credentials, its title, its invocation counters.

Each client (head-end, concentrator, technician's probe) has a system title of its own, and no two
share a key, so that no GCM nonce repeats (DESIGN 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from headend.ports import KeyCounters
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

    def release(self) -> None:
        """Nobody else has them."""


class PeerCounters(Protocol):
    """What meters under one key have counted, for a client that meets several of them."""

    def heard_of(self) -> Mapping[bytes, int]:
        """The lowest counter accepted of each system title."""
        ...

    def heard(self, title: bytes, lowest: int) -> None:
        """Accept nothing below `lowest` from this meter any more."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """One client's way into one meter.

    `peers` takes the meter's part of the counters where the key may be that of several meters;
    without it `counters` has it.
    """

    system_title: bytes = b""
    credentials: Credentials = Credentials()
    counters: KeyCounters = field(default_factory=MemoryCounters)
    peers: PeerCounters | None = None
