"""Chance, by name: each cause draws from a stream of its own, fixed by the seed and its names.

A stream depends on nothing but its key, so adding a device cannot move another device's luck, and
the same seed repeats a run exactly.  Keys go through SHA-256 and not through `hash()`, which
differs between processes (PYTHONHASHSEED).  Nothing here is secret: keys made from a seed are test
keys.
"""

from __future__ import annotations

import hashlib
import random
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

Name = str | int

NAMES_KEPT = 65_536  # as they go into keys


def stream(seed: int, *names: Name) -> random.Random:
    """A random stream for one cause, such as `stream(7, "link", "M0004", "noise")`.

    A stream holds 2.5 kB of state; where one draw is all that is wanted from each of many names,
    `octets` is cheaper.
    """
    return random.Random(int.from_bytes(_key(seed, names), "big"))


def deviate(seed: int, *names: Name) -> float:
    """The first standard normal deviate of a cause's stream, `stream(...).gauss(0.0, 1.0)`, where
    nothing else is wanted of it: at a third of what a stream of its own costs."""
    passing = _PASSING.stream
    passing.seed(int.from_bytes(_key(seed, names), "big"))
    return passing.gauss(0.0, 1.0)


class _Passing(threading.local):
    """A stream for each thread, seeded anew for each draw."""

    def __init__(self) -> None:
        self.stream = random.Random(0)


_PASSING = _Passing()


def philox(seed: int, *names: Name) -> numpy.random.Generator:
    """A counter-based NumPy generator for one cause, for draws by the array.

    Philox gives the same numbers whatever the CPU's features; a distribution that goes through
    `exp` or `log` may still differ in the last bit, so round before deciding anything on it.
    """
    import numpy  # the meters' identities need none of it: 0.1 s of start-up

    return numpy.random.Generator(
        numpy.random.Philox(key=int.from_bytes(_key(seed, names)[:16], "big"))
    )


class Rounds:
    """Whole 32-bit numbers by the round: as many as are asked for, from a counter of its own.

    The draw of a round at an index depends on the key, the round and the index alone: neither on
    how many are drawn nor on which rounds were drawn before.
    """

    def __init__(self, seed: int, *names: Name) -> None:
        self._key = int.from_bytes(_key(seed, names)[:16], "big")
        self._philox: numpy.random.Philox | None = None
        self._fresh: dict[str, Any] = {}

    def draws(self, number: int, count: int) -> list[int]:
        """`count` numbers of round `number`, which has 64 bits."""
        import numpy

        if self._philox is None:
            self._philox = numpy.random.Philox(key=self._key)
            self._fresh = {**self._philox.state}
        # Another counter in a state that has drawn nothing: a new Philox would ask the system for
        # entropy, only to be given its key.
        self._fresh["state"]["counter"][1] = number
        self._philox.state = self._fresh  # type: ignore[assignment]  # its type is private
        words: list[int] = (self._philox.random_raw(count) >> numpy.uint64(32)).tolist()
        return words


def octets(seed: int, *names: Name, count: int) -> bytes:
    """`count` octets fixed by the key: test keys, nonces, serial numbers."""
    return hashlib.shake_256(_key(seed, names)).digest(count)


def _key(seed: int, names: tuple[Name, ...]) -> bytes:
    """Length-prefixed, so ("ab", "c") and ("a", "bc") differ; typed, so do 1 and "1"."""
    return hashlib.sha256(b"%d" % seed + b"".join(map(_named, names))).digest()


@lru_cache(NAMES_KEPT, typed=True)
def _named(name: Name) -> bytes:
    kind, text = ("s", name) if isinstance(name, str) else ("i", str(name))
    encoded = text.encode()
    return b"/%s%d:%s" % (kind.encode(), len(encoded), encoded)
