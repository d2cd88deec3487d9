"""What nodes a system's server has for a profile's classes, as found by browsing.

A catalogue is made by walking the mapping's paths from Objects on, many nodes in a request.  It
holds no values, and is good for as long as its connection, and for some minutes at most.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from asyncua import ua

from headend.integration.cim.layer import Flaw, TooMuch
from headend.integration.cim.opcua_client import AddressSpace, Found, objects
from headend.integration.cim.opcua_connection import Connection
from headend.integration.cim.opcua_instances import instance_of
from headend.integration.cim.opcua_mapping import AddressMapping, PlaceOf
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.model import CimClass

NODES_MAX = 100_000
"""That a catalogue looks at."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An instance with its node; `flaws` are about what it lacks."""

    instance: Instance
    key: str
    node: ua.NodeId
    flaws: tuple[Flaw, ...] = ()


@dataclass(slots=True)
class Catalogue:
    """Entries by class, in order of their keys, and the nodes of event types by name."""

    entries: dict[str, tuple[Entry, ...]] = field(default_factory=dict)
    event_types: dict[str, ua.NodeId] = field(default_factory=dict)

    def of(self, classes: Collection[CimClass]) -> list[Entry]:
        """Those of several classes, in order of class and key."""
        names = sorted(each.name for each in classes)
        return [entry for name in names for entry in self.entries.get(name, ())]


class Walk:
    """One walk through an address space."""

    def __init__(self, connection: Connection, mapping: AddressMapping) -> None:
        self._connection, self._mapping = connection, mapping
        self._space = AddressSpace(connection)
        self._below: dict[ua.NodeId, list[Found]] = {}
        self._types: dict[ua.NodeId, str | None] = {}
        self._looked_at = 0

    async def catalogue(self) -> Catalogue:
        """All of it.  Raises `SourceUnavailable`, `SourceTooSlow`, `TooMuch`, `NodeGone`."""
        await self._connection.connect()
        made = Catalogue()
        for place in self._mapping.nodes:
            found = await self._entries(place, made)
            made.entries[place.cls.name] = tuple(sorted(found, key=lambda entry: entry.key))
        await self._event_types(made)
        return made

    async def _entries(self, place: PlaceOf, made: Catalogue) -> list[Entry]:
        begins: list[tuple[ua.NodeId, str]] = [(objects(), "")]
        if place.within:
            classes = [each for cls in place.within for each in self._mapping.profile.concrete(cls)]
            begins = [(entry.node, entry.key) for entry in made.of(classes)]
        reached: list[tuple[Found | None, ua.NodeId, str]] = [(None, id, key) for id, key in begins]
        for step in place.path:
            await self._look([id for _, id, _ in reached])
            reached = [
                (child, child.id, key)
                for _, id, key in reached
                for child in self._below[id]
                if child.namespace == self._space.index and step in ("*", child.name)
            ]
        nodes = [(node, key) for node, _, key in reached if node is not None]
        nodes = [
            (node, key) for node, key in nodes if not place.points or node.name in place.points
        ]
        if place.type:
            await self._name_types([node.type for node, _ in nodes])
            nodes = [(node, key) for node, key in nodes if self._types[node.type] == place.type]
        properties = await self._properties(place, [node for node, _ in nodes])
        return [
            self._entry(place, node, key, told)
            for (node, key), told in zip(nodes, properties, strict=True)
        ]

    def _entry(self, place: PlaceOf, node: Found, within: str, told: dict[str, str]) -> Entry:
        words = {"name": node.name, "title": node.title, "within": within, **told}
        profile = self._mapping.profile
        (key_name,) = profile.key(place.cls)
        key = place.members[key_name].filled(words) or ""
        known = place.points.get(node.name, {})
        instance, flaws = instance_of(profile, place, words, key, known)
        return Entry(instance, key, node.id, flaws)

    async def _look(self, ids: Sequence[ua.NodeId]) -> None:
        """Browse nodes that were not browsed yet."""
        fresh = list(dict.fromkeys(id for id in ids if id not in self._below))
        for id, found in zip(fresh, await self._space.below(fresh), strict=True):
            self._below[id] = found
            self._looked_at += len(found)
        if self._looked_at > NODES_MAX:
            raise TooMuch(f"more than {NODES_MAX} nodes")

    async def _name_types(self, types: Sequence[ua.NodeId]) -> None:
        fresh = list(dict.fromkeys(id for id in types if id not in self._types))
        if fresh:
            self._types.update(zip(fresh, await self._space.names(fresh), strict=True))

    async def _properties(self, place: PlaceOf, nodes: Sequence[Found]) -> list[dict[str, str]]:
        """The properties that members are made of, by name, for each node."""
        if not place.properties:
            return [{} for _ in nodes]
        await self._look([node.id for node in nodes])
        wanted = [
            (number, child.name, child.id)
            for number, node in enumerate(nodes)
            for child in self._below[node.id]
            if child.namespace == self._space.index and child.name in place.properties
        ]
        values = await self._space.read([id for _, _, id in wanted])
        told: list[dict[str, str]] = [{} for _ in nodes]
        for (number, name, _), value in zip(wanted, values, strict=True):
            good = value.StatusCode is None or not value.StatusCode.is_bad()
            plain = value.Value.Value if value.Value is not None and good else None
            if plain is not None:
                told[number][name] = str(plain)
        return told

    async def _event_types(self, made: Catalogue) -> None:
        """Event types are below BaseEventType, at any depth."""
        wanted = {each.type for each in self._mapping.events}
        level = [ua.NodeId(ua.ObjectIds.BaseEventType)] if wanted else []
        while level and wanted - made.event_types.keys():
            found = [each for part in await self._space.subtypes(level) for each in part]
            self._looked_at += len(found)
            if self._looked_at > NODES_MAX:
                raise TooMuch(f"more than {NODES_MAX} nodes")
            for each in found:
                if each.namespace == self._space.index and each.name in wanted:
                    made.event_types[each.name] = each.id
            level = [each.id for each in found]
