"""A concentrator's network as time passes: keep-alives, lost registrations, routes that age.

Every minute or so each module is asked for a sign of life, over its route and back.  After four
that were missed in a row it has lost its registration: there is no route to it, and no frame is
sent.  From then on it tries to join again, each minute.  A route is looked at anew after two
misses, after a message that failed, and once an hour; it changes where another one is clearly
better, and at once where a hop of it is dead.

What happens in a round depends on seed, concentrator, bearer, round and module alone, and on the
links: not on the order of the modules, nor on whether somebody looks.  A concentrator that has lost
its power has lost its network: when it is back, modules join anew, round by round.

What keep-alives take of the line's time is reckoned in `line_time`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from devices.chance import Rounds
from devices.channel.route import Route, bearer_of
from devices.network.availability import Availability
from devices.network.hop import NEVER, keep_alive_us
from devices.network.neighbours import Neighbours
from devices.network.tree import Access, Tree

ROUND_S = 64
MISSES_MAX = 4
"""So a module that is silent for 256 s has lost its registration (assumption; in PRIME the network
chooses the time)."""

DOUBTFUL_MISSES = 2
AGEING_ROUNDS = 56  # an hour
CLEARLY_BETTER = 0.7  # of the expected transmissions (assumption)
_FORMING_PASSES = 12
_UNFORESEEN = float("-inf")
"""Until when measurements hold after something that no hop could foresee."""


class Turn(enum.StrEnum):
    """What became of a module's place in the network."""

    REGISTERED = "registered"
    REROUTED = "rerouted"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Change:
    """A module came, went, or is reached another way."""

    at: float
    meter: str
    bearer: Literal["plc", "rf"]
    turn: Turn
    level: int  # hops from the concentrator; 0: none
    via: tuple[str, ...]


class Network:
    """See the module.  `next_deadline` and `advance` as `devices.deadlines.Timed` has them;
    `asking` says whether the concentrator works at all."""

    def __init__(
        self,
        neighbours: Neighbours,
        access: Access,
        rounds: Rounds,
        *,
        now: float,
        asking: Callable[[], bool] = lambda: True,
    ) -> None:
        self.access = access
        self.availability = Availability()
        self._asking = asking
        self.tree = Tree(neighbours, access)
        self._neighbours = neighbours
        self._rounds = rounds
        self._nodes = sorted(neighbours.nodes())
        self._of_meter = {neighbours.end(node).meter: node for node in self._nodes}
        self._misses: dict[int, int] = {}
        self._doubted: set[int] = set()
        self._changes: dict[int, list[float]] = {}
        self._heard: dict[int, float] = {}
        self._known_milli: dict[int, int] = {}
        self._kept = [0] * (max(self._nodes, default=0) + 1)  # of 2**32 keep-alives, by the module
        self._steady: dict[int, float] = {}  # until when
        self._costs_milli: dict[int, int] = {}
        self._hopeless: dict[int, float] = {}  # modules that nobody hears, until when
        self._kept_until = _UNFORESEEN
        self._line_us: list[int] | None = None
        self._ageing: dict[int, list[int]] = {}  # by the round of an hour that looks at them
        for node in self._nodes:
            self._ageing.setdefault(-node % AGEING_ROUNDS, []).append(node)
        self._round = int(now // ROUND_S)
        self._form(now)
        self._measure(now)
        self._known_milli.update(self._costs_milli)

    # --- what it knows ---------------------------------------------------------------------------

    @property
    def bearer(self) -> Literal["plc", "rf"]:
        return bearer_of(self._neighbours.end(self._nodes[0])).name

    @property
    def meters(self) -> tuple[str, ...]:
        return tuple(self._of_meter)

    def registered(self, meter: str) -> bool:
        """Whether the meter's module holds a place in the network."""
        return self._of_meter[meter] in self.tree.parents

    def route(self, meter: str) -> Route | None:
        """The route to a meter's module; None where it is not registered."""
        node = self._of_meter[meter]
        return self.tree.route(node) if node in self.tree.parents else None

    def expected_milli(self, meter: str) -> int:
        """Expected transmissions to a registered module, thousandths: as of the last keep-alive
        that was heard, for the concentrator knows no better."""
        return self._known_milli[self._of_meter[meter]]

    def doubted(self, meter: str) -> bool:
        """Whether a message failed and the module has not been heard since."""
        return self._of_meter[meter] in self._doubted

    def last_heard(self, meter: str) -> float | None:
        """When a keep-alive or a frame of the meter's module was last heard."""
        return self._heard.get(self._of_meter[meter])

    def ratio_cdb(self, meter: str, now: float) -> int | None:
        """The ratio at which a registered meter's module hears the one above it."""
        node = self._of_meter[meter]
        if node not in self.tree.parents:
            return None
        return self.tree.hop(node, now).ratio_cdb

    def changes_since(self, meter: str, since: float) -> int:
        """How often a meter's link has changed from a time on."""
        return sum(at >= since for at in self._changes.get(self._of_meter[meter], ()))

    def available(self, meter: str, hour: int) -> tuple[int, int]:
        """Keep-alives heard in an hour (numbered from 1970), and asked for."""
        return self.availability.of(self._of_meter[meter], hour)

    def keep_alive_us(self) -> list[int]:
        """How long each module's keep-alive takes of the line, in the order of the modules: one
        short frame each way over each hop of its route; 0 for one without a route."""
        if self._line_us is None:
            self._line_us = [self._line_us_of(node) for node in self._nodes]
        return self._line_us

    def _line_us_of(self, node: int) -> int:
        if node not in self.tree.parents:
            return 0
        return sum(keep_alive_us(link) for link in self.tree.route(node).hops)

    # --- what happens to it ----------------------------------------------------------------------

    def touch(self, meter: str | None = None) -> None:
        """A fault began or ended at a meter's module, or everywhere."""
        if meter is None:
            self.tree.measure_anew()
        elif meter in self._of_meter:
            self.tree.measure_anew(self._of_meter[meter])
        self._hopeless.clear()
        self._kept_until = _UNFORESEEN

    def heard(self, meter: str, now: float) -> None:
        """A frame of a meter's module came in."""
        node = self._of_meter[meter]
        self._heard[node] = now
        self._misses.pop(node, None)
        self._doubted.discard(node)

    def failed(self, meter: str, now: float) -> tuple[Change, ...]:
        """A message to a module was not acknowledged: is there another way?"""
        node = self._of_meter[meter]
        if node not in self.tree.parents:
            return ()
        self._doubted.add(node)
        return tuple(self._reconsidered(node, now))

    def forget(self, now: float) -> tuple[Change, ...]:
        """The concentrator has lost its power, and with it who is where."""
        gone = [node for node in self._nodes if node in self.tree.parents]
        for node in gone:
            self.tree.leave(node)
        self._misses.clear()
        self._doubted.clear()
        self._kept_until = _UNFORESEEN
        return tuple(self._change(node, Turn.LOST, now) for node in gone)

    def next_deadline(self) -> float:
        """The next round."""
        return float((self._round + 1) * ROUND_S)

    def advance(self, now: float) -> tuple[Change, ...]:
        """Hold the rounds that are due."""
        changes: list[Change] = []
        while self.next_deadline() <= now:
            self._round += 1
            if self._asking():
                changes += self._hold(self._round * ROUND_S)
        return tuple(changes)

    # --- a round ---------------------------------------------------------------------------------

    def _hold(self, now: float) -> Iterator[Change]:
        """One round of keep-alives, and what follows from it."""
        if now >= self._kept_until:
            self._measure(now)
        draws = self._rounds.draws(self._round, len(self._kept))
        kept = self._kept
        heard = [node for node in self._nodes if draws[node] < kept[node]]
        self.availability.add(now, heard)
        self._heard.update(dict.fromkeys(heard, now))
        self._known_milli.update(zip(heard, map(self._costs_milli.__getitem__, heard), strict=True))
        self._misses_gone(heard)
        changes: list[Change] = []
        if len(heard) < len(self._nodes):
            changes += self._missed(draws, now)
        changes += self._aged(now)
        if changes:
            self._kept_until = _UNFORESEEN
        return iter(changes)

    def _misses_gone(self, heard: list[int]) -> None:
        if self._misses or self._doubted:
            for node in heard:
                self._misses.pop(node, None)
            self._doubted.difference_update(heard)

    def _missed(self, draws: list[int], now: float) -> Iterator[Change]:
        """Of those that were not heard: who is given up, who looks for another way, who joins."""
        kept, hopeless = self._kept, self._hopeless
        for node in [node for node in self._nodes if draws[node] >= kept[node]]:
            if hopeless.get(node, now) > now:
                continue  # it hears nobody that it could ask
            if node not in self.tree.parents:
                yield from self._rejoined(node, draws[node], now)
                continue
            misses = self._misses[node] = self._misses.get(node, 0) + 1
            if misses >= MISSES_MAX:
                yield from self._lost(node, now)
            elif misses >= DOUBTFUL_MISSES:
                yield from self._reconsidered(node, now)

    def _rejoined(self, node: int, draw: int, now: float) -> Iterator[Change]:
        if not self._neighbours.end(node).module_on(now):
            return  # it asks nobody
        offer = self.tree.best(node, now)
        if offer is None:
            self._hopeless[node] = self.tree.hopeless_until(node, now)
            return
        self.tree.join(node, offer.parent)
        if draw >= self.tree.reached(node, now).kept_of_2_32:
            self.tree.leave(node)  # its request, or the answer, got lost
            return
        self._heard[node] = now
        yield self._change(node, Turn.REGISTERED, now)

    def _lost(self, node: int, now: float) -> Iterator[Change]:
        for child in self.tree.below(node):
            offer = self.tree.best(child, now, without=node)
            if offer is None:
                yield from self._lost(child, now)
            else:
                self.tree.join(child, offer.parent)
                yield self._change(child, Turn.REROUTED, now)
        self.tree.leave(node)
        self._misses.pop(node, None)
        self._doubted.discard(node)
        yield self._change(node, Turn.LOST, now)

    def _aged(self, now: float) -> Iterator[Change]:
        """Routes whose hour has come."""
        for node in self._ageing.get(self._round % AGEING_ROUNDS, ()):
            if node in self.tree.parents:
                yield from self._reconsidered(node, now)

    def _reconsidered(self, node: int, now: float) -> Iterator[Change]:
        """Another route, where it is clearly better."""
        present_milli = self.tree.reached(node, now).cost_milli
        offer = self.tree.best(node, now)
        if offer is None or offer.parent == self.tree.parents[node]:
            return
        if present_milli == NEVER or offer.cost_milli < CLEARLY_BETTER * present_milli:
            self.tree.join(node, offer.parent)
            self._kept_until = _UNFORESEEN
            yield self._change(node, Turn.REROUTED, now)

    def _change(self, node: int, turn: Turn, now: float) -> Change:
        self._changes.setdefault(node, []).append(now)
        self._line_us = None
        if turn is not Turn.LOST:
            self._known_milli[node] = self.tree.reached(node, now).cost_milli
        route = self.tree.route(node) if node in self.tree.parents else None
        return Change(
            at=now,
            meter=self._neighbours.end(node).meter,
            bearer=self.bearer,
            turn=turn,
            level=0 if route is None else len(route.hops),
            via=() if route is None else route.via,
        )

    # --- quality ---------------------------------------------------------------------------------

    def _measure(self, now: float) -> None:
        """How often each registered module's keep-alive gets through, and until when that holds:
        of all modules where anything unforeseen has happened, else of those whose time has come."""
        if self._kept_until == _UNFORESEEN:
            self._kept, self._steady = [0] * len(self._kept), {}
        for node in self.tree.parents:
            if self._steady.get(node, now) > now:
                continue
            reached = self.tree.reached(node, now)
            self._kept[node] = reached.kept_of_2_32
            self._steady[node] = reached.steady_until
            self._costs_milli[node] = reached.cost_milli
        self._kept_until = min(self._steady.values(), default=float("inf"))

    def _form(self, now: float) -> None:
        """The network as it has grown before the world begins: everybody who can has joined, and
        nobody would gain by moving."""
        tree = self.tree
        for _ in range(_FORMING_PASSES):
            moved = False
            for node in self._nodes:
                offer = tree.best(node, now)
                if offer is None:
                    continue
                if node in tree.parents:
                    present_milli = tree.reached(node, now).cost_milli
                    if offer.cost_milli >= CLEARLY_BETTER * present_milli:
                        continue
                if tree.parents.get(node) != offer.parent:
                    tree.join(node, offer.parent)
                    moved = True
            if not moved:
                return
