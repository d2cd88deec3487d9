"""Chance, by name: each cause draws from a stream of its own, fixed by the seed and its names.

A stream depends on nothing but its key, so adding a device cannot move another device's luck, and
the same seed repeats a run exactly.  Keys go through SHA-256 and not through `hash()`, which
differs between processes (PYTHONHASHSEED).  Nothing here is secret: keys made from a seed are test
keys.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

Name = str | int


def stream(seed: int, *names: Name) -> random.Random:
    """A random stream for one cause, such as `stream(7, "link", "M0004", "noise")`.

    A stream holds 2.5 kB of state; where one draw is all that is wanted from each of many names,
    `octets` is cheaper.
    """
    return random.Random(int.from_bytes(_key(seed, names), "big"))


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

    def draws(self, number: int, count: int) -> list[int]:
        """`count` numbers of round `number`."""
        import numpy

        philox = numpy.random.Philox(key=self._key, counter=number << 64)
        words: list[int] = (philox.random_raw(count) >> numpy.uint64(32)).tolist()
        return words


def octets(seed: int, *names: Name, count: int) -> bytes:
    """`count` octets fixed by the key: test keys, nonces, serial numbers."""
    return hashlib.shake_256(_key(seed, names)).digest(count)


def _key(seed: int, names: tuple[Name, ...]) -> bytes:
    """Length-prefixed, so ("ab", "c") and ("a", "bc") differ; typed, so do 1 and "1"."""
    digest = hashlib.sha256(b"%d" % seed)
    for name in names:
        kind, text = ("s", name) if isinstance(name, str) else ("i", str(name))
        encoded = text.encode()
        digest.update(f"/{kind}{len(encoded)}:".encode() + encoded)
    return digest.digest()
