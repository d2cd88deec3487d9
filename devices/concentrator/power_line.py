"""The power line of one transformer: one medium, many meters, one message at a time.

It puts what a concentrator sends to the channel, lets the line's time pass, and hands what arrived
to the meter at its end.  The concentrator sees `Transfer.frames` and the counts; the deliveries,
which are the truth, go to the world's log only.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random
from typing import Any

import simpy

from devices.channel.link import Link
from devices.channel.transfer import Transfer, transfer
from devices.concentrator.turns import URGENT
from protocols.plc.frames import Direction

ANSWER_AFTER_S = 0.1
"""A meter's time to answer (assumption; 0.5 s in one published polling simulation)."""

FarEnd = Callable[[bytes, float], list[bytes]]
"""Takes one message and the time; the meter's answers, if any."""

Process = Generator[simpy.Event, Any, Any]


@dataclass(slots=True)
class Leg:
    """The way to one meter."""

    link: Link
    far_end: FarEnd
    rng: Random


class PowerLine:
    """The medium.  `on_transfer` hears of every message carried, with the meter's name."""

    def __init__(
        self,
        env: simpy.Environment,
        on_transfer: Callable[[str, Transfer], None] = lambda meter, carried: None,
    ) -> None:
        self.env = env
        self.medium = simpy.PriorityResource(env, capacity=1)
        self._on_transfer = on_transfer

    def down(
        self, leg: Leg, octets: bytes
    ) -> Generator[simpy.Event, Any, tuple[Transfer, list[bytes]]]:
        """Carry a message to a meter; whoever calls holds `medium`.  What the meter answers is
        still at its end: see `up`."""
        carried = transfer(leg.link, octets, leg.rng, direction=Direction.DOWN, now=self.env.now)
        yield self.env.timeout(carried.total_s)
        self._on_transfer(leg.link.meter, carried)
        if carried.received is None:
            return carried, []
        return carried, leg.far_end(carried.received, self.env.now)

    def up(
        self, leg: Leg, octets: bytes, priority: int = URGENT
    ) -> Generator[simpy.Event, Any, Transfer]:
        """Carry a meter's message; takes `medium` by itself."""
        with self.medium.request(priority=priority) as turn:
            yield turn
            carried = transfer(leg.link, octets, leg.rng, direction=Direction.UP, now=self.env.now)
            yield self.env.timeout(carried.total_s)
        self._on_transfer(leg.link.meter, carried)
        return carried


def longest_s(link: Link, octets: int) -> float:
    """How long a message of so many octets takes at most, every retry included."""
    return link.medium.longest_us(octets) / 1_000_000
