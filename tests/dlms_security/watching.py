"""Watching every seal of a run, whoever makes it and with whichever engine."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from protocols.dlms.gurux.verifying_stream import VerifyingStream
from protocols.dlms.keys import Keys
from protocols.dlms.security import Protection

TITLE_SIZE = 8
Nonce = tuple[bytes, bytes, int]
"""Key, system title, invocation counter."""


@dataclass
class Watch:
    """What was sealed, and the keys it was sealed with."""

    used: set[Nonce] = field(default_factory=set)
    by: dict[bytes, int] = field(default_factory=dict)  # seals by system title
    keys: set[bytes] = field(default_factory=set)

    def seal(self, key: bytes, title: bytes, counter: int) -> None:
        nonce = key, title, counter
        assert nonce not in self.used, f"{title!r} uses counter {counter} a second time"
        self.used.add(nonce)
        self.by[title] = self.by.get(title, 0) + 1


def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """See the module.  Only what is made to be sent counts: a check repeats the peer's nonce."""
    watched = Watch()
    take, seal_broadcast = Protection.take_counter, Protection.seal_broadcast
    flush, check = VerifyingStream.flushFinalBlock, Keys.__post_init__

    def taken(self: Protection) -> int:
        counter = take(self)
        keys = self._keys
        assert keys is not None
        watched.seal(keys.encryption, self.system_title, counter)
        return counter

    def said_to_all(self: Protection, plain: bytes, security: int) -> bytes:
        counter, keys = self._broadcast_lease.first, self._keys
        sealed = seal_broadcast(self, plain, security)
        assert keys is not None and keys.broadcast is not None
        watched.seal(keys.broadcast, self.system_title, counter)
        return sealed

    def flushed(self: VerifyingStream) -> bytearray:
        title, counter = self._nonce[:TITLE_SIZE], int.from_bytes(self._nonce[TITLE_SIZE:], "big")
        # gurux-dlms checks the meter's proof by computing it: those titles are the meters'.
        if self._expected is None and not title.startswith(b"SIM"):
            watched.seal(self._key, title, counter)
        return flush(self)

    def made(self: Keys) -> None:
        check(self)
        watched.keys |= {
            key
            for key in (self.encryption, self.authentication, self.broadcast, self.master)
            if key is not None
        }

    monkeypatch.setattr(Protection, "take_counter", taken)
    monkeypatch.setattr(Protection, "seal_broadcast", said_to_all)
    monkeypatch.setattr(VerifyingStream, "flushFinalBlock", flushed)
    monkeypatch.setattr(Keys, "__post_init__", made)
    return watched
