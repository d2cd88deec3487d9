"""Where keys and passwords lie, and the counters under them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from protocols.dlms.keys import KeyPairs, Keys


class KeysUnreadable(RuntimeError):
    """A key record does not open: another envelope key, or damaged."""


class KeyShared(ValueError):
    """Another meter, or another client of this one, has this encryption key already: two senders
    under one key could use a nonce twice."""


class CountersContended(RuntimeError):
    """Another conversation under the same key has reserved the counters that would follow ours."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The keys that a client shares with a meter, at one time; `counted_by` names its counters."""

    meter: str
    client: int
    counted_by: int
    keys: Keys = field(repr=False)


@dataclass(frozen=True, slots=True)
class MeterKeys:
    """What a client may find a meter to have: the current keys, or, while a change is under way,
    the pending ones.  A change is settled by `registry.key_change`."""

    current: Generation
    pending: Generation | None = None


class Vault(Protocol):
    """Where keys and passwords lie, sealed.  Each method returns once its work is safe on disk."""

    async def keys(self, meter: str, client: int) -> MeterKeys | None: ...

    async def install(
        self, meter: str, client: int, keys: Keys, *, next_counter: int | None = None
    ) -> None:
        """Take keys as the meter has them, without any change at the meter.  Raises KeyShared.

        `next_counter` None leaves it to the meter to name the first.
        """
        ...

    async def remember(self, meter: str, client: int, keys: Keys) -> None:
        """Keep pending keys beside the current ones.  Raises KeyShared."""
        ...

    async def promote(self, meter: str, client: int) -> None:
        """The pending keys are the current ones now."""
        ...

    async def forget(self, meter: str, client: int) -> None:
        """The pending keys are nobody's."""
        ...

    async def password(self, meter: str, client: int) -> bytes | None:
        """The password that a client shows to the meter (low level security)."""
        ...

    async def install_password(self, meter: str, client: int, password: bytes) -> None:
        """Take a password as the meter has it, in place of the one before."""
        ...

    async def key_pairs(self, meter: str, client: int) -> KeyPairs | None:
        """What the client signs with and by what it believes the meter (suites 1 and 2)."""
        ...

    async def install_key_pairs(self, meter: str, client: int, pairs: KeyPairs) -> None:
        """Take key pairs as the meter knows them, in place of those before."""
        ...

    def counters(self, generation: Generation) -> KeyCounters:
        """The counters under these keys, for one conversation."""
        ...


class KeyCounters(Protocol):
    """The invocation counters that one conversation uses.  They only ever grow."""

    async def load(self) -> tuple[int | None, int]:
        """Reserve a block; its first counter, and the lowest that is accepted from the meter.

        None where nobody knows how far the meter has come: ask it, then `reserve`.
        """
        ...

    async def reserve(self, end: int) -> None:
        """Return once it is durable that every counter below `end` may have been used.

        Raises CountersContended where a block in between is another conversation's.
        """
        ...

    async def settle(self, next_own: int, peer_lowest: int) -> None:
        """Our association is over: the next of ours is `next_own`, and none above it was used.

        The same conversation may begin another one, from `next_own`, and `reserve` again.
        """
        ...

    def release(self) -> None:
        """The conversation is over, whether it used any or not: others may have them."""
        ...
