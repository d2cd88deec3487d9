"""The objects that a question is about, a page at a time, in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Place, PlaceKind
from headend.domain.usage_point import Told
from headend.ports import Transaction
from headend.registry.lives import hanging_at, hanging_of
from headend.soap.registry import showing
from headend.soap.registry.told import OBJECT_TYPES, Called, known_as
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.errors import Identifier, ReplyError
from protocols.cim.nouns import (
    END_DEVICE_CONFIG,
    LINKAGE_CONFIG,
    METER_CONFIG,
    USAGE_POINT_CONFIG,
)
from protocols.cim.questions import Question
from protocols.cim.record import Record

Key = tuple[str, str]
"""Of what kind an object is, and its name: objects come in the order of their keys."""
Thing = Meter | Concentrator | Place


@dataclass(frozen=True, slots=True)
class Page:
    """`things` in their order; `more` behind them; `errors` about those that were named in vain."""

    things: list[tuple[Key, Thing]]
    errors: list[ReplyError]
    more: bool


_CONCENTRATOR: Final = "c"
_METER: Final = "m"
_POINT: Final = "p"
# Which kinds of object a noun tells, in their order.
_TELLS: Final = {
    METER_CONFIG: (_METER,),
    END_DEVICE_CONFIG: (_CONCENTRATOR, _METER),
    USAGE_POINT_CONFIG: (_POINT,),
    LINKAGE_CONFIG: (_METER, _POINT),
}


def page_of_things(tx: Transaction, asked: Question, after: Key | None, limit: int) -> Page:
    if asked.of_all:
        return _of_all(tx, asked.noun, after or ("", ""), limit)
    errors: list[ReplyError] = []
    named: dict[Key, Thing] = {}
    for key, thing in _named(tx, asked, errors):
        if asked.noun != LINKAGE_CONFIG or _linked(tx, thing) is not None:
            named[key] = thing
    behind = sorted(key for key in named if after is None or key > after)
    some = [(key, named[key]) for key in behind[:limit]]
    more = len(behind) > limit
    return Page(some, [] if more else errors, more)


def _of_all(tx: Transaction, noun: str, after: Key, limit: int) -> Page:
    found: list[tuple[Key, Thing]] = []
    for kind in _TELLS[noun]:
        if kind < after[0]:
            continue
        name = after[1] if kind == after[0] else ""
        while len(found) <= limit:
            some = _listed(tx, noun, kind, name, limit + 1 - len(found))
            for thing in some:
                name = _key(thing)[1]
                if noun != LINKAGE_CONFIG or _linked(tx, thing) is not None:
                    found.append((_key(thing), thing))
            if not some:
                break
    return Page(found[:limit], [], len(found) > limit)


def _listed(
    tx: Transaction, noun: str, kind: str, after: str, limit: int
) -> list[Meter] | list[Concentrator] | list[Place]:
    if kind == _CONCENTRATOR:
        return tx.concentrators_behind(after, limit)
    if kind == _POINT:
        return tx.service_points(after, limit)
    return tx.meters_behind(after, limit, loose=noun == LINKAGE_CONFIG)


def _key(thing: Thing) -> Key:
    if isinstance(thing, Place):
        return _POINT, thing.code
    return (_METER if isinstance(thing, Meter) else _CONCENTRATOR), thing.name


def _named(
    tx: Transaction, asked: Question, errors: list[ReplyError]
) -> Iterator[tuple[Key, Thing]]:
    """The objects that a question names, as its noun tells them."""
    tells = _TELLS[asked.noun]
    for ref in asked.meters:
        found = _device(tx, ref, concentrators=_CONCENTRATOR in tells)
        if found is None:
            errors.append(_unknown(ref, Told.METER))
        elif isinstance(found, Meter) and _POINT in tells:
            hung = hanging_of(tx, found.name)
            place = None if hung is None else tx.place(hung.service_point)
            if place is not None:
                yield _key(place), place
            elif _METER in tells:
                yield _key(found), found
        else:
            yield _key(found), found
    for ref in asked.usage_points:
        code = known_as(tx, Told.USAGE_POINT, _called(ref))
        place = tx.place(code)
        if place is None or place.kind is not PlaceKind.SERVICE_POINT:
            errors.append(_unknown(ref, Told.USAGE_POINT))
        elif _POINT in tells:
            yield _key(place), place
        elif (hung := hanging_at(tx, code)) is not None:
            meter = tx.meter(hung.meter)
            if meter is not None:
                yield _key(meter), meter


def _device(tx: Transaction, ref: MeterRef, *, concentrators: bool) -> Meter | Concentrator | None:
    if concentrators:
        one = tx.concentrator(known_as(tx, Told.CONCENTRATOR, _called(ref)))
        if one is not None:
            return one
    return tx.meter(known_as(tx, Told.METER, _called(ref)))


def _called(ref: MeterRef) -> Called:
    return Called(ref.value, None, by_mrid=ref.kind == "uuid")


def _unknown(ref: MeterRef, kind: Told) -> ReplyError:
    at = Identifier(ref.value, ref.kind, OBJECT_TYPES[kind])
    if kind is Told.USAGE_POINT:
        return ReplyError("2.12", "PUNTO_DESCONOCIDO: el registro no lo conoce", id=at)
    return ReplyError("2.4", "MEDIDOR_DESCONOCIDO: el registro no lo conoce", id=at)


def _linked(tx: Transaction, thing: Thing) -> Record | None:
    if isinstance(thing, Place):
        return showing.linked_point(tx, thing)
    return showing.linked_meter(tx, thing) if isinstance(thing, Meter) else None


def records_of(tx: Transaction, noun: str, things: list[Any]) -> list[Record]:
    if not things:
        return []
    if noun == METER_CONFIG:
        return [showing.meters(tx, things)]
    if noun == END_DEVICE_CONFIG:
        return [showing.devices(tx, things)]
    if noun == USAGE_POINT_CONFIG:
        return [showing.points(tx, things)]
    return [record for thing in things if (record := _linked(tx, thing)) is not None]
