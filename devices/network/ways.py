"""The way to one meter: a module on the power line, perhaps one on the radio, and which goes first.

The better path comes first, by the time on the air that it is expected to take, and the other one
when a message over the first was not acknowledged.  A way that has just failed comes last until its
module is heard again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from devices.channel.course import Transfer
from devices.channel.link import Link
from devices.channel.radio import RadioLink
from devices.channel.route import AnyLink, Route, bearer_of, straight
from devices.network.hop import REFERENCE_OCTETS
from devices.network.upkeep import Change, Network
from protocols.plc.frames import Direction

FarEnd = Callable[[bytes, float], list[bytes]]
"""Takes one message and the time; the meter's answers, if any."""


@dataclass(slots=True)
class Way:
    """One of a meter's modules, in the network that it belongs to."""

    network: Network
    link: AnyLink  # the module's own
    rng: Random

    @property
    def route(self) -> Route | None:
        return self.network.route(self.link.meter)

    @property
    def air_us(self) -> int:
        """Expected time on the air of an exchange of reference frames, both ways."""
        route = self.route
        assert route is not None
        once_us = bearer_of(self.link).airtime_us(REFERENCE_OCTETS)
        return 2 * once_us * self.network.expected_milli(self.link.meter) // 1000

    def note(self, carried: Transfer, now: float) -> tuple[Change, ...]:
        """Learn from a message that was carried this way."""
        if carried.heard_us is not None:
            self.network.heard(self.link.meter, carried.heard_us / 1_000_000)
        if carried.direction is Direction.DOWN and not carried.acknowledged:
            return self.network.failed(self.link.meter, now)
        return ()


@dataclass(slots=True)
class Leg:
    """All ways to one meter."""

    meter: str
    far_end: FarEnd
    ways: tuple[Way, ...]  # the power line's first
    used: tuple[Way, Route] | None = None  # by the last message down
    unanswered: bool = False  # a repeater took that message over, and nothing came back

    @property
    def link(self) -> Link:
        """The module on the power line."""
        link = self.ways[0].link
        assert isinstance(link, Link)
        return link

    @property
    def radio(self) -> RadioLink | None:
        """The module on the radio, where there is one."""
        return next((w.link for w in self.ways if isinstance(w.link, RadioLink)), None)

    @property
    def registered(self) -> bool:
        """Whether any of its modules holds a place in its network."""
        return any(way.route is not None for way in self.ways)

    def routes(self) -> Iterator[Route]:
        """The routes that there are."""
        for way in self.ways:
            if (route := way.route) is not None:
                yield route

    def back(self, now: float) -> tuple[Way, Route]:
        """What a message up takes: the way by which the meter was asked, or the better one."""
        if self.used is not None:
            return self.used
        way = self.choose(now) or self.ways[0]
        return way, way.route or straight(way.link)

    def choose(self, now: float) -> Way | None:
        """The way that a message down takes now; None where there is none."""
        standing = [way for way in self.ways if way.route is not None]
        if len(standing) < 2:
            return standing[0] if standing else None
        return min(standing, key=lambda way: (way.network.doubted(self.meter), way.air_us))
