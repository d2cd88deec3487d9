"""Philox 4x32-10: random words as a function of a key and a counter, singly and by the array.

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11.  A word depends
on nothing but its key and its counter, so what one meter draws in one round depends neither on the
order of the meters, nor on how many processes share them, nor on whether somebody looks closer.

    key      64 bits of a hash of the seed, the cause and the concentrator
    counter  (block, meter's low word, meter's high word and exchange, round)
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from devices.chance import Name, octets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint32]

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_MASK = 0xFFFFFFFF
_EXCHANGES = 1 << 24  # share a counter word with the meter's high octet
_CHUNK = 8192  # counters worked on at a time: what the cache of a core holds


def block(counter: tuple[int, int, int, int], key: int) -> tuple[int, int, int, int]:
    """The four 32-bit words of one counter under a 64-bit key (its low word is the first)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key & _MASK, key >> 32
    for _ in range(_ROUNDS):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _MASK, (p0 >> 32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


def blocks(counters: Words, keys: NDArray[np.uint64]) -> Words:
    """The words of many counters, (4, n) as the counters are, each under its own key of n."""
    import numpy as np

    out = np.empty_like(counters)
    for begin in range(0, counters.shape[1], _CHUNK):
        part = slice(begin, begin + _CHUNK)
        out[:, part] = _blocks(counters[:, part], keys[part])
    return out


def _blocks(counters: Words, keys: NDArray[np.uint64]) -> Words:
    import numpy as np

    m0, m1 = (np.uint64(each) for each in _MULTIPLIERS)
    w0, w1 = (np.uint32(each) for each in _WEYL)
    c0, c1, c2, c3 = (each.copy() for each in counters)
    k0, k1 = keys.astype(np.uint32), (keys >> np.uint64(32)).astype(np.uint32)
    for _ in range(_ROUNDS):
        p0, p1 = c0 * m0, c2 * m1
        low0, high0 = _halves(p0)
        low1, high1 = _halves(p1)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 += w0
        k1 += w1
    return np.stack((c0, c1, c2, c3))


def _halves(products: NDArray[np.uint64]) -> tuple[Any, Any]:
    import numpy as np

    return products.astype(np.uint32), (products >> np.uint64(32)).astype(np.uint32)


def key_of(seed: int, *names: Name) -> int:
    """The 64-bit key of a cause, such as `key_of(7, "exchange", "C-001")`."""
    return int.from_bytes(octets(seed, "philox", *names, count=8), "big")


@dataclass(frozen=True, slots=True)
class Turn:
    """Which exchange of which round: the same turn draws the same luck.

    `exchange` tells apart what one meter is asked within a round, 0 to 2**24 - 1.
    """

    round: int
    exchange: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.round <= _MASK and 0 <= self.exchange < _EXCHANGES):
            raise ValueError(f"no such turn: {self}")

    def counter(self, meter: int) -> tuple[int, int, int, int]:
        """The counter of a meter's first block.  Raises ValueError for no number of a meter."""
        if not 0 <= meter < 1 << 40:
            raise ValueError(f"meter {meter}")
        return 0, meter & _MASK, (meter >> 32) | self.exchange << 8, self.round


class Keyed(Random):
    """A stream whose bits come from consecutive blocks: for what takes a `Random`.

    Two draws of 64 bits take one block; `luck` of `devices.channel` draws the same by the array.
    """

    def __init__(self, key: int, counter: tuple[int, int, int, int]) -> None:
        super().__init__(0)
        self._key = key
        self._counter = counter
        self._left: list[int] = []

    def getrandbits(self, k: int, /) -> int:
        """`k` of the next 64 bits, the first word being the high one."""
        if not 0 < k <= 64:
            raise ValueError(f"{k} bits of a stream that gives up to 64")
        if not self._left:
            first, second, third, fourth = block(self._counter, self._key)
            self._left = [third << 32 | fourth, first << 32 | second]
            self._counter = (self._counter[0] + 1, *self._counter[1:])
        return self._left.pop() >> (64 - k)

    def random(self) -> float:
        """A real in [0, 1) of 53 bits."""
        return self.getrandbits(53) / (1 << 53)

    def seed(self, *_: Any, **__: Any) -> None:
        """A keyed stream has no seed but its key."""


def keyed(key: int, meter: int, turn: Turn) -> Keyed:
    """The stream of one meter's exchange."""
    return Keyed(key, turn.counter(meter))
