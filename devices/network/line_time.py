"""When keep-alives have the line: each module's comes at its own moment of the round, and waits.

Nobody simulates them one by one: what they take matters only to a message that wants the line, so
it is reckoned then.  Messages and keep-alives go in the order in which they fall due; one that is
due while a message is on the line goes after it, and the next message behind that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge

from devices.network.upkeep import ROUND_S, Network

SHARE_MAX = 0.5
"""Of the line's time for keep-alives: a network that would need more makes its rounds longer, which
is modelled as keep-alives that take less (assumption)."""


class KeepAliveTime:
    """The keep-alives of a concentrator's networks, which share its one turn on the air."""

    def __init__(self, networks: Sequence[Network], *, now: float) -> None:
        self._networks = networks
        self._free_at = now  # when whatever is known of has left the line
        self._reckoned_until = now  # keep-alives that fell due until then are

    def ended(self, now: float) -> None:
        """A message has left the line."""
        self._free_at = max(self._free_at, now)

    def wait_s(self, now: float) -> float:
        """How long a message that has its turn `now` waits for those that fell due before it."""
        for due, lasts_s in self._due(max(self._reckoned_until, now - ROUND_S), now):
            self._free_at = max(self._free_at, due) + lasts_s
        self._reckoned_until = now
        return max(0.0, self._free_at - now)

    def _due(self, after: float, until: float) -> Iterator[tuple[float, float]]:
        return merge(*(_of(network, after, until) for network in self._networks))


def _of(network: Network, after: float, until: float) -> Iterator[tuple[float, float]]:
    """When keep-alives of one network fall due in (after, until], and how long each takes."""
    slots = network.keep_alive_us()
    if not slots:
        return
    busy_s = sum(slots) / 1_000_000
    scale = min(1.0, SHARE_MAX * ROUND_S / busy_s) if busy_s else 0.0
    apart_s = ROUND_S / len(slots)
    number = int(after // apart_s) + 1
    while (due := number * apart_s) <= until:
        lasts_us = slots[number % len(slots)]
        if lasts_us and due > after:
            yield due, scale * lasts_us / 1_000_000
        number += 1
