"""What carries a concentrator's messages to its meters: one at a time, by power line or by radio.

It puts what a concentrator sends to the channel, lets the line's time pass, and hands what arrived
to the meter at its end.  The concentrator sees `Transfer.frames` and the counts; the deliveries,
which are the truth, go to the world's log only.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import groupby
from random import Random
from typing import Any

import simpy

from devices.channel.cast import Cast, Chance, cast
from devices.channel.course import Transfer
from devices.channel.transfer import longest_s, transfer, without_route
from devices.concentrator.turns import URGENT
from devices.network.line_time import KeepAliveTime
from devices.network.upkeep import Change, Network
from devices.network.ways import Leg, Way
from protocols.plc.frames import Direction

ANSWER_AFTER_S = 0.1
"""A meter's time to answer (assumption; 0.5 s in one published polling simulation)."""


def answer_after_s(leg: Leg) -> float:
    """What passes before a meter's answer leaves; on a polled line its elaboration does, and that
    counts among the line's own time."""
    polled = leg.used is not None and leg.used[0].network.access.polled
    return 0.0 if polled else ANSWER_AFTER_S


Process = Generator[simpy.Event, Any, Any]


class PowerLine:
    """The medium: a concentrator has one message under way, whichever modules carry it.

    `on_transfer` hears of every message carried, with the meter's name; `on_change` of routes that
    were changed because one was not acknowledged; `on_cast` of every message to all, with their
    names.  `chance` is each module's luck with those.
    """

    def __init__(
        self,
        env: simpy.Environment,
        networks: Sequence[Network],
        on_transfer: Callable[[str, Transfer], None] = lambda meter, carried: None,
        on_change: Callable[[tuple[Change, ...]], None] = lambda changes: None,
        *,
        on_cast: Callable[[list[str], Cast], None] = lambda meters, sent: None,
        chance: Chance | None = None,
    ) -> None:
        self.env = env
        self.medium = simpy.PriorityResource(env, capacity=1)
        self._keep_alives = KeepAliveTime(networks, now=env.now)
        self._on_transfer = on_transfer
        self._on_change = on_change
        self._on_cast = on_cast
        self._chance = chance or _streams()
        self._casts = 0

    def cleared(self) -> Process:
        """Wait for the keep-alives that fell due before us; whoever calls holds `medium`."""
        wait_s = self._keep_alives.wait_s(self.env.now)
        if wait_s > 0:
            yield self.env.timeout(wait_s)

    def down(
        self, leg: Leg, octets: bytes
    ) -> Generator[simpy.Event, Any, tuple[Transfer, list[bytes]]]:
        """Carry a message to a meter by the better way; whoever calls holds `medium`.  What the
        meter answers is still at its end: see `up`."""
        now = self.env.now
        if leg.unanswered and leg.used is not None:
            self._on_change(leg.used[0].network.failed(leg.meter, now))
        way = leg.choose(now)
        if way is None or (route := way.route) is None:
            carried = without_route(leg.link, octets, now=now)
        else:
            leg.used = way, route
            carried = transfer(route, octets, way.rng, direction=Direction.DOWN, now=now)
        yield self.env.timeout(carried.total_s)
        self._keep_alives.ended(self.env.now)
        self._on_transfer(leg.meter, carried)
        if way is not None:
            self._on_change(way.note(carried, self.env.now))
        leg.unanswered = bool(carried.via) and carried.acknowledged
        if carried.received is None:
            return carried, []
        return carried, leg.far_end(carried.received, self.env.now)

    def to_all(
        self, legs: Iterable[Leg], octets: bytes, meant: Callable[[str], bool]
    ) -> Generator[simpy.Event, Any, None]:
        """Send a message once to all that hear it, power line before radio, where it is `meant` for
        any of those that the better way reaches; whoever calls holds `medium`.  Nobody answers, and
        nothing comes to be known of whom it has reached."""
        ways = [(leg, way.route) for leg in legs if (way := leg.choose(self.env.now)) is not None]
        standing = [(leg, route) for leg, route in ways if route is not None]
        standing.sort(key=lambda each: each[1].bearer)  # stable: within one, as they came
        for _, group in groupby(standing, key=lambda each: each[1].bearer):
            hearers = list(group)
            if not any(meant(leg.meter) for leg, _ in hearers):
                continue
            self._casts += 1
            routes = [route for _, route in hearers]
            sent = cast(routes, octets, self._chance, number=self._casts, now=self.env.now)
            yield self.env.timeout(sent.total_us / 1_000_000)
            self._keep_alives.ended(self.env.now)
            self._on_cast([leg.meter for leg, _ in hearers], sent)
            for (leg, _), carried in zip(hearers, sent.transfers, strict=True):
                if carried.received is not None:
                    leg.far_end(carried.received, self.env.now)

    def up(
        self, leg: Leg, octets: bytes, priority: int = URGENT
    ) -> Generator[simpy.Event, Any, Transfer]:
        """Carry a meter's message the way by which it was asked; takes `medium` by itself."""
        with self.medium.request(priority=priority) as turn:
            yield turn
            yield from self.cleared()
            now = self.env.now
            way, route = leg.back(now)
            carried = transfer(route, octets, way.rng, direction=Direction.UP, now=now)
            yield self.env.timeout(carried.total_s)
        self.noted(leg, way, carried)
        leg.unanswered = leg.unanswered and carried.received is None
        return carried

    def noted(self, leg: Leg, way: Way, carried: Transfer) -> None:
        """A message has crossed the line, or not: everybody who learns from that does."""
        self._keep_alives.ended(self.env.now)
        self._on_transfer(leg.meter, carried)
        self._on_change(way.note(carried, self.env.now))


def _streams() -> Chance:
    """The luck of a line that belongs to no world."""
    streams: dict[str, Random] = {}
    return lambda name: streams.setdefault(name, Random(name))


def longest_down_s(leg: Leg, octets: int) -> float:
    """How long a message of so many octets is on its way at most, every retry included."""
    return max((longest_s(route, octets) for route in leg.routes()), default=0.0)
