"""A data layer over an OPC UA server, read only: a historian's or a control centre's.

What instances there are comes from browsing (`opcua_catalogue`); values and events are read when
they are asked for, page by page in the order of their keys.  A history has no "all of it": who asks
for its values or events without a window is told that this is too much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from headend.integration.cim.filling import Filling, instant_in
from headend.integration.cim.layer import (
    BadPosition,
    Flaw,
    Page,
    Selection,
    SourceUnavailable,
    TooMuch,
    Window,
)
from headend.integration.cim.opcua_catalogue import Catalogue, Entry, Walk
from headend.integration.cim.opcua_client import AddressSpace, NodeGone, instant, quality
from headend.integration.cim.opcua_connection import Connection, Server
from headend.integration.cim.opcua_instances import instance_of
from headend.integration.cim.opcua_mapping import AddressMapping, PlaceOf
from protocols.cim.profile import lexical
from protocols.cim.profile.instance import Instance, Position
from protocols.cim.profile.model import CimClass

T = TypeVar("T")

CATALOGUE_S = 300.0
"""How long a catalogue is good for: feeders are built slowly."""

EVENTS_MAX = 10_000
"""Of one request: they are put in order of their keys here, which takes all of them."""

_TICK = timedelta(microseconds=1)


class OpcUaLayer:
    """A `DataLayer`.  The server is reached when it is first asked, and again after it was away."""

    def __init__(self, server: Server, mapping: AddressMapping) -> None:
        self._mapping, self._profile = mapping, mapping.profile
        self._connection = Connection(server, mapping.namespace)
        self._space = AddressSpace(self._connection)
        self._catalogue: Catalogue | None = None
        self._made = (0.0, 0)  # when, and over which connection
        self._walking = asyncio.Lock()

    async def close(self) -> None:
        """End the connection."""
        await self._connection.close()

    async def page(self, selection: Selection, after: Position | None, limit: int) -> Page:
        """At most `limit` instances behind a position."""
        return await self._with_catalogue(lambda it: self._page(it, selection, after, limit))

    async def known(self, cls: CimClass, ids: Collection[str]) -> frozenset[str]:
        """Which of these keys are those of instances of a class or its subclasses."""
        places = self._mapping.places(cls)
        if any(place.source != "nodes" for place in places):
            raise TooMuch(f"{cls.name} is found by its time alone")

        async def look(catalogue: Catalogue) -> frozenset[str]:
            found = {entry.key for entry in catalogue.of([place.cls for place in places])}
            return frozenset(found.intersection(ids))

        return await self._with_catalogue(look)

    async def _with_catalogue(self, work: Callable[[Catalogue], Awaitable[T]]) -> T:
        """Once more where a node has gone since it was browsed."""
        try:
            return await work(await self._fresh())
        except NodeGone:
            self._catalogue = None
        try:
            return await work(await self._fresh())
        except NodeGone as error:
            raise SourceUnavailable("the server does not have what it shows") from error

    async def _fresh(self) -> Catalogue:
        async with self._walking:
            now = asyncio.get_running_loop().time()
            since, connection = self._made
            if (
                self._catalogue is None
                or connection != self._connection.number
                or now - since > CATALOGUE_S
            ):
                self._catalogue = None
                self._catalogue = await Walk(self._connection, self._mapping).catalogue()
                self._made = (now, self._connection.number)
            return self._catalogue

    async def _page(
        self, catalogue: Catalogue, selection: Selection, after: Position | None, limit: int
    ) -> Page:
        filled = Filling(selection.conditions, limit)
        for place in self._mapping.places(selection.target):
            behind: tuple[str, ...] | None = None
            if after is not None:
                if place.cls.name < after[0]:
                    continue
                if place.cls.name == after[0]:
                    behind = after[1:]
                    if len(behind) != len(self._profile.key(place.cls)):
                        raise BadPosition("no key of this class")
            match place.source:
                case "nodes":
                    await self._of_nodes(filled, catalogue, place, selection, behind)
                case "events":
                    await self._of_events(filled, catalogue, place, selection, behind)
                case _:
                    await self._of_values(filled, catalogue, place, selection, behind)
            if filled.ended:
                break
        return filled.page()

    # Nodes.

    async def _of_nodes(
        self,
        filled: Filling,
        catalogue: Catalogue,
        place: PlaceOf,
        selection: Selection,
        behind: Sequence[str] | None,
    ) -> None:
        for entry in catalogue.entries[place.cls.name]:
            if behind is not None and entry.key <= behind[0]:
                continue
            if not self._associated(catalogue, entry, selection):
                continue
            filled.add((place.cls.name, entry.key), entry.instance, entry.flaws)
            if filled.full:
                return

    def _associated(self, catalogue: Catalogue, entry: Entry, selection: Selection) -> bool:
        """Whether it names one of the instances, or one of these names it."""
        via = selection.via
        if via is None:
            return True
        inverse = via.association.inverse
        if inverse in self._profile.references(entry.instance.cls):
            return entry.instance.references.get(inverse) in via.ids
        sources = catalogue.of(self._profile.concrete(via.source))
        return any(
            source.instance.references.get(via.association.name) == entry.key
            for source in sources
            if source.key in via.ids
        )

    # Values.

    async def _of_values(
        self,
        filled: Filling,
        catalogue: Catalogue,
        place: PlaceOf,
        selection: Selection,
        behind: Sequence[str] | None,
    ) -> None:
        variables = [*self._sources(catalogue, place, selection, behind)]
        if place.source == "present":
            values = await self._space.read([entry.node for entry in variables])
            for entry, value in zip(variables, values, strict=True):
                self._take_value(filled, place, entry, value, behind)
                if filled.full:
                    return
            return
        window = self._window(selection)
        for entry in variables:
            begin = window.start
            if behind is not None and entry.key == behind[0]:
                begin = max(begin, instant_in(behind[1]) + _TICK)
            if begin >= window.end:
                continue
            for value in await self._space.history(entry.node, begin, window.end, filled.left):
                self._take_value(filled, place, entry, value, None)
            if filled.full:
                return

    def _sources(
        self,
        catalogue: Catalogue,
        place: PlaceOf,
        selection: Selection,
        behind: Sequence[str] | None,
    ) -> Iterator[Entry]:
        """The variables, or the objects of events, that a selection is about."""
        via = selection.via
        classes = [each for cls in place.of for each in self._profile.concrete(cls)]
        for entry in catalogue.of(classes):
            if behind is not None and place.source != "events" and entry.key < behind[0]:
                continue
            if via is None or entry.key in via.ids:
                yield entry

    def _take_value(
        self,
        filled: Filling,
        place: PlaceOf,
        entry: Entry,
        value: Any,
        behind: Sequence[str] | None,
    ) -> None:
        at = instant(value)
        told = quality(value.StatusCode)
        words: dict[str, Any] = {"time": at, "quality": told, "within": entry.key}
        plain = value.Value.Value if value.Value is not None else None
        if told != "bad" and plain is not None:
            words["value"] = plain
        position = (place.cls.name, entry.key, "" if at is None else lexical.write(at))
        if behind is not None and (entry.key, position[2]) <= tuple(behind):
            return
        instance, flaws = instance_of(self._profile, place, words, "/".join(position[1:]))
        # A value of bad quality is none: that it is missing is told, not passed over.
        if "value" not in words and not any(each.member == "value" for each in flaws):
            lost = any(each.left_out for each in flaws)
            flaws = (*flaws, Flaw(place.cls.name, "/".join(position[1:]), "value", lost))
        filled.add(position, instance, flaws)

    # Events.

    async def _of_events(
        self,
        filled: Filling,
        catalogue: Catalogue,
        place: PlaceOf,
        selection: Selection,
        behind: Sequence[str] | None,
    ) -> None:
        window = self._window(selection)
        type = catalogue.event_types.get(place.type)
        if type is None:
            raise SourceUnavailable(f"the server has no event type {place.type}")
        found: list[tuple[str, Instance, tuple[Flaw, ...]]] = []
        for entry in self._sources(catalogue, place, selection, None):
            events = await self._space.events(
                entry.node, type, place.properties, window.start, window.end,
                EVENTS_MAX - len(found),
            )  # fmt: skip
            for event in events:
                known = {name: value for name, value in event.items() if value is not None}
                words = {**known, "within": entry.key}
                if "Time" in known:
                    words["time"] = known["Time"]
                (key_name,) = self._profile.key(place.cls)
                key = str(words.get(place.members[key_name].alone, ""))
                found.append((key, *instance_of(self._profile, place, words, key)))
        for key, instance, flaws in sorted(found, key=lambda each: each[0]):
            if behind is not None and key <= behind[0]:
                continue
            filled.add((place.cls.name, key), instance, flaws)
            if filled.full:
                return

    def _window(self, selection: Selection) -> Window:
        """The window of a history.  Raises `TooMuch` where there is none."""
        via = selection.via
        if via is None or via.window is None:
            raise TooMuch(f"{selection.target.name} is a history: it takes a window")
        return via.window
