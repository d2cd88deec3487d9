"""Who may hear whom in the network of one concentrator, by the numbers of their modules.

The concentrator is number 0.  On the power line any module may hear any other; on the radio, a
star, only the concentrator is heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from devices.channel.link import RATIO_WITHOUT_LOSS_CDB, Link
from devices.channel.place import Path, Place, path_between
from devices.channel.radio import RadioLink
from devices.channel.route import AnyLink

CONCENTRATOR = 0

OUT_OF_REACH_CDB = RATIO_WITHOUT_LOSS_CDB
"""Loss at which no frame comes through even at night: such pairs are not looked at again."""


class Neighbours(Protocol):
    """The links of a network.  Raises KeyError for a module that there is not."""

    def end(self, node: int) -> AnyLink:
        """The module's own link, straight to the concentrator."""
        ...

    def link(self, parent: int, child: int) -> AnyLink | None:
        """The link of a hop; None where neither could ever hear the other."""
        ...

    def loudest(self, child: int) -> tuple[int, ...]:
        """The other modules that a module might ever hear, the loudest first."""
        ...

    def nodes(self) -> Iterable[int]: ...


@dataclass(slots=True)
class RadioStar:
    """Every module speaks with the concentrator alone."""

    links: Mapping[int, RadioLink]

    def end(self, node: int) -> AnyLink:
        return self.links[node]

    def link(self, parent: int, child: int) -> AnyLink | None:
        return self.links[child] if parent == CONCENTRATOR else None

    def loudest(self, child: int) -> tuple[int, ...]:
        return ()

    def nodes(self) -> Iterable[int]:
        return self.links


class PowerLineNeighbours:
    """The modules of one transformer.  A pair's path is drawn when it is first looked at, and is
    the same both ways; its link is made when somebody means to use it."""

    def __init__(
        self, seed: int, transformer: str, links: Mapping[int, Link], places: Mapping[int, Place]
    ) -> None:
        self._seed = seed
        self._transformer = transformer
        self._links = links
        self._places = places
        self._between: dict[tuple[int, int], Path] = {}
        self._pairs: dict[tuple[int, int], Link | None] = {}
        self._loudest: dict[int, tuple[int, ...]] = {}

    def end(self, node: int) -> AnyLink:
        return self._links[node]

    def link(self, parent: int, child: int) -> AnyLink | None:
        if parent == CONCENTRATOR:
            return self._links[child]
        pair = parent, child
        if pair not in self._pairs:
            path = self._path(parent, child)
            heard = path.loss_down_cdb <= OUT_OF_REACH_CDB
            near, far = self._links[parent], self._links[child]
            self._pairs[pair] = replace(far, path=path, near=near) if heard else None
        return self._pairs[pair]

    def loudest(self, child: int) -> tuple[int, ...]:
        if child not in self._loudest:
            others = (node for node in self._links if node != child)
            by_loss = sorted((self._path(node, child).loss_down_cdb, node) for node in others)
            self._loudest[child] = tuple(n for loss, n in by_loss if loss <= OUT_OF_REACH_CDB)
        return self._loudest[child]

    def nodes(self) -> Iterable[int]:
        return self._links

    def _path(self, one: int, other: int) -> Path:
        """Between two modules: the same both ways."""
        pair = (one, other) if one < other else (other, one)
        path = self._between.get(pair)
        if path is None:
            first, second = pair
            path = self._between[pair] = path_between(
                self._seed,
                transformer=self._transformer,
                one=(self._links[first].meter, self._places[first]),
                other=(self._links[second].meter, self._places[second]),
            )
        return path
