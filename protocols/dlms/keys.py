"""The keys of an association, and the invocation counters they are used with; none shows in a repr.

Symmetric keys (Green Book 9.2.5): global unicast encryption (GUEK), authentication (GAK), global
broadcast encryption (GBEK) and the master key (KEK) that only ever wraps others.  Key pairs, for
the suites 1 and 2: one to sign with, one to agree on keys with, and the peer's public halves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)

COUNTER_MAX = 0xFFFFFFFF
Secrets = Callable[[int], bytes]
"""Gives so many octets that nobody can guess: for keys that are made for one message."""


@dataclass(frozen=True, slots=True)
class Keys:
    """16 octets each, of security suite 2 32.  Raises ValueError for other sizes."""

    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)
    broadcast: bytes | None = field(default=None, repr=False)
    master: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        size = len(self.encryption)
        others = (self.authentication, self.broadcast, self.master)
        if size not in (16, 32) or any(len(key) != size for key in others if key is not None):
            raise ValueError("a key has 16 octets, of security suite 2 32, and all have the same")


@dataclass(frozen=True, slots=True)
class KeyPairs:
    """What the suites 1 and 2 sign and agree with; each half may be missing."""

    signing: EllipticCurvePrivateKey | None = field(default=None, repr=False)
    agreement: EllipticCurvePrivateKey | None = field(default=None, repr=False)
    peer_signing: EllipticCurvePublicKey | None = field(default=None, repr=False)
    peer_agreement: EllipticCurvePublicKey | None = field(default=None, repr=False)


class CounterLease(msgspec.Struct, frozen=True):
    """Invocation counters `first` to `end` - 1, for one sender alone.

    Whoever gives it out has already written durably that everything below `end` is used, so that a
    crash loses counters and never gives one out twice.
    """

    first: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.end <= COUNTER_MAX + 1:
            raise ValueError(f"no invocation counters from {self.first} to {self.end}")
