"""The tree of routes from a concentrator to its modules.

A module joins below the concentrator, or below a module that has joined, where the sum of expected
transmissions along the route is least.  A module that repeats for nobody yet has to be promoted
first, which costs: so few modules repeat for many, as in PRIME.  With no such cost and source
routes of up to eight repeaters the same rule is that of Meters-and-More-like networks.

Quality is what the modules measure by the beacons that they hear, as of `now`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from devices.channel.route import AnyLink, Route
from devices.network.hop import NEVER, Hop
from devices.network.neighbours import CONCENTRATOR, Neighbours
from protocols.plc.error_rates import ONE

GOOD_MILLI = 1_250
"""A hop straight to the concentrator that needs no more transmissions than this is taken at once:
four of five exchanges succeed at the first try (assumption)."""


LISTENED_TO = 12
"""So many of its loudest neighbours a module would have promoted; it asks the others where none of
these will do (assumption).  It hears all that repeat already, by their beacons."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a network lets modules repeat for others."""

    name: str
    repeaters_max: int
    promotion_milli: int  # expected transmissions that a new repeater has to save
    polled: bool = False  # nobody sends unless the master has asked


PRIME = Access("prime", repeaters_max=8, promotion_milli=500)
METERS_AND_MORE = Access("meters-and-more", repeaters_max=8, promotion_milli=0, polled=True)
STAR = Access("star", repeaters_max=0, promotion_milli=0)
ACCESSES = {access.name: access for access in (PRIME, METERS_AND_MORE)}


class Offer(NamedTuple):
    """A place below a parent: the least of several is the best."""

    cost_milli: int
    level: int  # how many hops from the concentrator
    parent: int


class Reached(NamedTuple):
    """What the hops to a module that has joined make together, as long as nothing changes."""

    level: int  # how many they are
    cost_milli: int  # expected transmissions, NEVER where a hop is dead
    kept_of_2_32: int  # of short frames, there and back
    steady_until: float


class Tree:
    """Which module has joined below which.  `parents` is the whole state."""

    def __init__(self, neighbours: Neighbours, access: Access) -> None:
        self.parents: dict[int, int] = {}
        self._neighbours = neighbours
        self._access = access
        self._hops: dict[tuple[int, int], Hop] = {}
        self._reached: dict[int, Reached] = {}
        self._routes: dict[int, Route] = {}
        self._children: dict[int, int] = {}  # how many modules each one repeats for
        self._changes = 0  # that no hop could foresee
        self._changed: dict[int, int] = {}  # the newest of them at each module
        self._changed_everywhere = 0

    # --- what there is ---------------------------------------------------------------------------

    def chain(self, node: int) -> tuple[int, ...]:
        """The modules on the way to one that has joined, itself the last."""
        chain = [node]
        while (parent := self.parents[chain[-1]]) != CONCENTRATOR:
            chain.append(parent)
        return tuple(reversed(chain))

    def _above(self, node: int) -> tuple[int, ...]:
        return self.chain(node) if node in self.parents else ()

    def level(self, node: int) -> int:
        """How many hops a module is away; 0 for one that has not joined."""
        return len(self.chain(node)) if node in self.parents else 0

    def repeaters(self) -> set[int]:
        """The modules that repeat for others."""
        return {node for node, children in self._children.items() if children}

    def hop(self, node: int, now: float) -> Hop:
        """The last hop to a module that has joined, looked at now."""
        return self._known(self.parents[node], node, now)

    def reached(self, node: int, now: float) -> Reached:
        """How a module that has joined is reached now."""
        found = self._reached.get(node)
        if found is not None and now < found.steady_until:
            return found
        parent = self.parents[node]
        hop = self._known(parent, node, now)
        last = Reached(1, hop.expected_milli, hop.kept_of_2_32, hop.steady_until)
        found = last if parent == CONCENTRATOR else _beyond(self.reached(parent, now), last)
        self._reached[node] = found
        return found

    def route(self, node: int) -> Route:
        """The route to a module that has joined."""
        found = self._routes.get(node)
        if found is None:
            found = self._routes[node] = self._route(node)
        return found

    def _route(self, node: int) -> Route:
        chain = self.chain(node)
        links: list[AnyLink] = []
        for parent, child in zip((CONCENTRATOR, *chain), chain, strict=False):
            link = self._neighbours.link(parent, child)
            assert link is not None
            links.append(link)
        end = self._neighbours.end(node)
        via = tuple(self._neighbours.end(each).meter for each in chain[:-1])
        return Route(end, tuple(links), via)

    # --- joining and leaving ---------------------------------------------------------------------

    def best(self, node: int, now: float, *, without: int | None = None) -> Offer | None:
        """Where a module would join now, but not below `without`; None where it hears nobody."""
        hop = self._known(CONCENTRATOR, node, now)
        straight = Offer(hop.expected_milli, 1, CONCENTRATOR) if hop.usable else None
        if straight is not None and straight.cost_milli <= GOOD_MILLI:
            return straight
        found = self._below_others(node, now, without)
        if straight is not None:
            found.append(straight)
        return min(found, default=None)

    def join(self, node: int, parent: int) -> None:
        """Let a module join, or move with all that hangs below it."""
        self.leave(node)
        self.parents[node] = parent
        self._children[parent] = self._children.get(parent, 0) + 1

    def leave(self, node: int) -> None:
        """A module is gone; what hung below it is left without a way, see `below`."""
        parent = self.parents.pop(node, None)
        if parent is not None:
            self._children[parent] -= 1
            for kept in (self._reached, self._routes):
                if self._children.get(node):
                    kept.clear()  # it was on the way to others
                else:
                    kept.pop(node, None)

    def below(self, node: int) -> list[int]:
        """The modules that a module repeats for at first hand."""
        if not self._children.get(node):
            return []
        return [child for child, parent in self.parents.items() if parent == node]

    def measure_anew(self, node: int | None = None) -> None:
        """Something has changed that no hop could foresee: at one module, or everywhere."""
        self._changes += 1
        self._reached.clear()
        if node is None:
            self._changed_everywhere = self._changes
        else:
            self._changed[node] = self._changes

    # --- parts -----------------------------------------------------------------------------------

    def hopeless_until(self, node: int, now: float) -> float:
        """Until when nobody could make an offer to a module, as far as is known now: of a star's,
        that does not hear the concentrator.  `now` where somebody may."""
        if self._access.repeaters_max:
            return now
        hop = self._known(CONCENTRATOR, node, now)
        return now if hop.usable else hop.steady_until

    def _below_others(self, node: int, now: float, without: int | None) -> list[Offer]:
        """Offers of repeaters, and of those that might become one."""
        if self._access.repeaters_max == 0:
            return []
        loudest = self._neighbours.loudest(node)
        if without is not None:
            loudest = tuple(o for o in loudest if without not in self._above(o))
        near, far = loudest[:LISTENED_TO], loudest[LISTENED_TO:]
        repeating = [other for other in far if self._children.get(other)]
        return [*self._offers(node, (*near, *repeating), now)] or [*self._offers(node, far, now)]

    def _offers(self, node: int, parents: Sequence[int], now: float) -> Iterator[Offer]:
        above_others = bool(self._children.get(node))
        for parent in parents:
            if parent not in self.parents:
                continue
            hop = self._known(parent, node, now)
            if not hop.usable or (above_others and node in self.chain(parent)):
                continue
            above = self.reached(parent, now)
            if above.level <= self._access.repeaters_max and above.cost_milli != NEVER:
                promotion_milli = self._promotion_milli(node, parent)
                cost_milli = hop.expected_milli + above.cost_milli + promotion_milli
                yield Offer(cost_milli, above.level + 1, parent)

    def _promotion_milli(self, node: int, parent: int) -> int:
        """What it costs that `parent` repeats for `node`, if it would for nobody else."""
        others = self._children.get(parent, 0) - (self.parents.get(node) == parent)
        return 0 if others else self._access.promotion_milli

    def _known(self, parent: int, child: int, now: float) -> Hop:
        """A hop that there is, looked at now."""
        hop = self._hops.get((parent, child))
        if hop is None:
            link = self._neighbours.link(parent, child)
            assert link is not None
            hop = self._hops[parent, child] = Hop(link)
        elif hop.seen == self._changes and now < hop.steady_until:
            return hop
        seen, changed = hop.seen, self._changed
        anew = (
            seen < self._changed_everywhere
            or seen < changed.get(child, 0)
            or seen < changed.get(parent, 0)
        )
        hop.seen = self._changes
        return hop.look(now, anew=anew)


def _beyond(above: Reached, last: Reached) -> Reached:
    """One hop more."""
    dead = NEVER in (above.cost_milli, last.cost_milli)
    return Reached(
        above.level + 1,
        NEVER if dead else above.cost_milli + last.cost_milli,
        above.kept_of_2_32 * last.kept_of_2_32 // ONE,
        min(above.steady_until, last.steady_until),
    )
