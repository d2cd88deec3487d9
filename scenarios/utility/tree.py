"""A small address space whose nodes are all at hand: those of the utility's systems."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

from headend.opcua.space import Node


class Tree:
    """The part of a `Space` that does not depend on what is measured."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Raises ValueError where two have one id, or two siblings one name."""
        all_nodes = sorted(nodes, key=lambda each: (each.parent, each.name))
        self._nodes = {each.id: each for each in all_nodes}
        self._below = {
            parent: [*each] for parent, each in groupby(all_nodes, lambda each: each.parent)
        }
        names = {(each.parent, each.name) for each in all_nodes}
        if len(self._nodes) != len(all_nodes) or len(names) != len(all_nodes):
            raise ValueError("two nodes have one name")

    async def nodes(self, ids: Collection[str]) -> Mapping[str, Node]:
        return {id: self._nodes[id] for id in ids if id in self._nodes}

    async def children(self, parent: str, after: str, limit: int) -> Sequence[Node]:
        return [each for each in self._below.get(parent, ()) if each.name > after][:limit]

    async def child(self, parent: str, name: str) -> Node | None:
        below = self._below.get(parent, ())
        return next((each for each in below if each.name == name), None)
