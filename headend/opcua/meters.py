"""This head-end's meters as an address space, answered from its store.

    Objects / Meters / 90000017              every meter, by name
    Objects / Places / D1 / Z01 / ... / P-12 / 90000017
                                             the same meters, where they hang
    90000017 / EnergyImport, VoltageA, ...   what it is known to measure, with the load profile's
                                             rows as history

Nothing is kept here: a folder of a million meters is a question to the store, a page at a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from headend.domain.measured import BY_WORD, QUANTITIES, Measured, Quantity
from headend.domain.meter import Meter
from headend.domain.place import Place, PlaceKind
from headend.opcua.reach import Reach
from headend.opcua.space import Happening, HappeningType, Kind, Node, Quality, Sample
from headend.ports import Clock
from headend.store import measured_queries, queries, registry_queries
from headend.store.queries import Connection

T = TypeVar("T")

URI = "urn:ami-headend:meters"
METER_TYPE = "MeterType"
METERS = Node("Meters", "Meters", Kind.FOLDER, about="Every meter, by name.")
PLACES = Node("Places", "Places", Kind.FOLDER, about="Where meters hang.")
SERIAL, MODEL, CONCENTRATOR = "SerialNumber", "Model", "Concentrator"
_TOP = (METERS, PLACES)
_METER, _PLACE = "meter/", "place/"
_TEXTS = (CONCENTRATOR, MODEL, SERIAL)
_BY_WORD = sorted(QUANTITIES, key=lambda each: each.word)


class Reads(Protocol):
    """Runs a question in a reading transaction, outside the loop where that is allowed."""

    def __call__(self, query: Callable[[Connection], T]) -> Awaitable[T]: ...


class MeterSpace:
    """A `Space`."""

    uri = URI
    types: Collection[str] = (METER_TYPE,)
    happenings: Collection[HappeningType] = ()

    def __init__(self, read: Reads, clock: Clock) -> None:
        self._read, self._clock = read, clock

    async def nodes(self, ids: Collection[str]) -> Mapping[str, Node]:
        found = {each.id: each for each in _TOP if each.id in ids}
        others = [id for id in ids if id not in found]
        if not others:
            return found

        def work(connection: Connection) -> dict[str, Node]:
            nodes = ((id, _node(connection, id)) for id in others)
            return {id: node for id, node in nodes if node is not None}

        return {**found, **await self._read(work)}

    async def children(self, parent: str, after: str, limit: int) -> Sequence[Node]:
        if not parent:
            return [each for each in _TOP if each.name > after][:limit]
        return await self._read(lambda connection: _below(connection, parent, after, limit))

    async def child(self, parent: str, name: str) -> Node | None:
        if not parent:
            return next((each for each in _TOP if each.name == name), None)

        def work(connection: Connection) -> Node | None:
            if parent == METERS.id:
                return _node(connection, _METER + name)
            if parent.startswith(_METER):
                return _node(connection, f"{parent}/{name}")
            node = _node(connection, _PLACE + name)
            if node is not None and node.parent == parent:
                return node
            hangs = registry_queries.hangs_at(connection, name)
            return _node(connection, _METER + name) if f"{_PLACE}{hangs}" == parent else None

        return await self._read(work)

    async def present(self, variables: Sequence[Node]) -> Mapping[str, Sample]:
        now = self._clock.now()

        def work(connection: Connection) -> dict[str, Sample]:
            found: dict[str, Sample] = {}
            known: dict[str, Mapping[Quantity, Measured]] = {}
            for node in variables:
                meter, _, word = node.parent, "", node.name
                name = meter.removeprefix(_METER)
                if word in _TEXTS:
                    registered = queries.meter(connection, name)
                    if registered is not None:
                        found[node.id] = Sample(now, _text(registered, word))
                    continue
                if name not in known:
                    known[name] = measured_queries.present(connection, name)
                measured = known[name].get(BY_WORD[word])
                if measured is not None:
                    found[node.id] = _sample(measured)
            return found

        return await self._read(work)

    async def history(self, variable: Node, reach: Reach, limit: int) -> Sequence[Sample]:
        meter, quantity = variable.parent.removeprefix(_METER), BY_WORD[variable.name]

        def work(connection: Connection) -> list[Sample]:
            found = measured_queries.history(
                connection,
                meter,
                quantity,
                begin=reach.begin,
                end=reach.end,
                backwards=reach.backwards,
                limit=limit,
            )
            return [_sample(each) for each in found]

        return await self._read(work)

    async def events(self, source: Node, reach: Reach, limit: int) -> Sequence[Happening]:
        return ()


def _node(connection: Connection, id: str) -> Node | None:
    for each in _TOP:
        if each.id == id:
            return each
    if id.startswith(_PLACE):
        place = registry_queries.place(connection, id.removeprefix(_PLACE))
        return None if place is None else _of_place(place)
    if not id.startswith(_METER):
        return None
    name = id.removeprefix(_METER)
    meter = queries.meter(connection, name)
    if meter is not None:
        return _of_meter(meter)
    # A variable's name is no part of a meter's, but a meter's may have any character in it.
    name, _, word = name.rpartition("/")
    if (word not in BY_WORD and word not in _TEXTS) or queries.meter(connection, name) is None:
        return None
    if word in _TEXTS:
        return _property(name, word)
    quantity = BY_WORD[word]
    known = measured_queries.present(connection, name)
    return _variable(name, quantity) if quantity in known else None


def _below(connection: Connection, parent: str, after: str, limit: int) -> list[Node]:
    if parent == METERS.id:
        return [*map(_of_meter, queries.meters(connection, after=after, limit=limit))]
    if parent.startswith(_METER):
        name = parent.removeprefix(_METER)
        known = measured_queries.present(connection, name)
        nodes = [_variable(name, each) for each in _BY_WORD if each in known]
        nodes += [_property(name, each) for each in _TEXTS]
        nodes.sort(key=lambda each: each.name)
        return [each for each in nodes if each.name > after][:limit]
    code = None if parent == PLACES.id else parent.removeprefix(_PLACE)
    place = None if code is None else registry_queries.place(connection, code)
    if place is not None and place.kind is PlaceKind.SERVICE_POINT:
        hanging = queries.meters(connection, within=place.code, after=after, limit=limit)
        return [*map(_of_meter, hanging)]
    below = registry_queries.places_below(connection, code, after=after, limit=limit)
    return [*map(_of_place, below)]


def _of_meter(meter: Meter) -> Node:
    return Node(_METER + meter.name, meter.name, Kind.OBJECT, METERS.id, type=METER_TYPE)


def _of_place(place: Place) -> Node:
    parent = PLACES.id if place.parent is None else _PLACE + place.parent
    return Node(_PLACE + place.code, place.code, Kind.FOLDER, parent, place.name)


def _variable(meter: str, quantity: Quantity) -> Node:
    parent = _METER + meter
    unit = "" if quantity.unit == "none" else quantity.unit
    return Node(
        f"{parent}/{quantity.word}",
        quantity.word,
        Kind.ANALOG,
        parent,
        about=f"{quantity.name}, {quantity.measurement} {quantity.phases}",
        unit=unit,
        history=True,
    )


def _property(meter: str, word: str) -> Node:
    parent = _METER + meter
    return Node(f"{parent}/{word}", word, Kind.PROPERTY, parent)


def _text(meter: Meter, word: str) -> str:
    return {
        SERIAL: meter.name,
        MODEL: meter.model,
        CONCENTRATOR: meter.concentrator or "",
    }[word]


def _sample(measured: Measured) -> Sample:
    if measured.value is None:
        return Sample(measured.at, None, Quality.BAD)
    quality = Quality.UNCERTAIN if measured.doubtful else Quality.GOOD
    return Sample(measured.at, measured.value, quality)
