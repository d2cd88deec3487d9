"""Invocation counters of a probe: one file for each meter and client, and one user of it at a time.

A block of counters is on disk as used before the first of them is.  A probe that loses power in the
middle loses the rest of a block and never uses one twice.  Two probes on one laptop would: the file
is locked for the length of a conversation.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

import msgspec

from headend.ports import CountersContended
from headend.store.kit.folder import BadKit, prepare, read, write
from protocols.dlms.keys import Keys


class _State(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    next: int | None = None
    peer_lowest: int = 0  # of every meter that is not among the peers
    peers: dict[str, int] = {}  # the lowest accepted, by the meter's system title in hexadecimal


class FileCounters:
    """`ports.KeyCounters` of one client with one meter; `load` takes them, `settle` gives them
    back."""

    def __init__(self, folder: Path, meter: str, client: int, *, trusting: bool = False) -> None:
        name = f"{quote(meter, safe='')}-{client}"
        self._folder = folder / "counters"
        self._path = self._folder / f"{name}.json"
        self._lock = self._folder / f"{name}.lock"
        self._held: IO[bytes] | None = None
        self._trusting = trusting

    @classmethod
    def under(cls, folder: Path, keys: Keys, *, trusting: bool = False) -> Self:
        """Those of a key, whatever its meter is called and by whichever line it is reached: a nonce
        repeats under one key or not at all.  The name is a digest, from which no key follows.

        Several meters may have the key: what they count is kept by their system titles.  Where
        `trusting`, the meter that is met is believed from its first counter on, as after it lost
        its memory; ours go on, as a nonce must not repeat whatever the meter has forgotten.
        """
        digest = hashlib.sha256(b"ami counters" + keys.encryption).hexdigest()[:16]
        return cls(folder, f"key-{digest}", 0, trusting=trusting)

    async def load(self) -> tuple[int | None, int]:
        """The next counter of ours, None while nobody knows it, and the lowest accepted from the
        meter.  Raises `CountersContended`, `BadKit`."""
        self._take()
        state = self._state()
        return state.next, 0 if self._trusting else state.peer_lowest

    def heard_of(self) -> dict[bytes, int]:
        """The lowest accepted of each meter's system title.  Raises `BadKit`."""
        if self._trusting:
            return {}
        return {bytes.fromhex(title): lowest for title, lowest in self._state().peers.items()}

    def heard(self, title: bytes, lowest: int) -> None:
        """Accept nothing below `lowest` from this meter any more.  Nothing came of one that is not
        named and counts 0."""
        state = self._state()
        if title and lowest:
            known = 0 if self._trusting else state.peers.get(title.hex(), 0)
            state.peers[title.hex()] = max(known, lowest)
        else:
            state.peer_lowest = max(state.peer_lowest, lowest)
        write(self._path, msgspec.json.encode(state))

    async def reserve(self, end: int) -> None:
        """Write down that every counter below `end` may have been used."""
        self._change(lambda state: max(end, state.next or 0), None)

    async def settle(self, next_own: int, peer_lowest: int) -> None:
        """Write down how far the counters have come, and let others use them."""
        self._change(lambda state: next_own, peer_lowest)
        self.release()

    def raise_to(self, least: int) -> None:
        """Nothing below `least` is used any more, as when a job package leases a block."""
        self._change(lambda state: max(least, state.next or 0), None)

    def standing(self) -> tuple[int | None, int]:
        """How far the counters have come, for reading only.  Raises `BadKit`."""
        state = self._state()
        return state.next, state.peer_lowest

    def release(self) -> None:
        """Let others use them."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _take(self) -> None:
        if self._held is not None:
            return
        prepare(self._folder)
        file = self._lock.open("wb")
        if os.name == "posix":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.close()
                raise CountersContended(
                    f"{self._path}: another ami speaks with this meter; wait until it is done"
                ) from error
        self._held = file

    def _state(self) -> _State:
        octets = read(self._path)
        if octets is None:
            return _State()
        try:
            return msgspec.json.decode(octets, type=_State)
        except msgspec.DecodeError as error:
            raise BadKit(
                f"{self._path}: {error}. Try: delete it; the meter is asked for the counter then"
            ) from error

    def _change(self, following: Callable[[_State], int], peer_lowest: int | None) -> None:
        prepare(self._folder)
        state = self._state()
        state.next = following(state)
        state.peer_lowest = max(state.peer_lowest, peer_lowest or 0)
        write(self._path, msgspec.json.encode(state))
