"""A utility's places, brought in from a table: kind, code, parent, name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from headend.domain.place import Place, PlaceKind, misplaced
from headend.ports import Transaction
from headend.registry.sheets import Flaw, Row, rows

COLUMNS = ("kind", "code", "parent", "name")
ABOUT = f"the columns are {', '.join(COLUMNS)}; docs/registry.md explains them"


@dataclass(frozen=True, slots=True)
class Survey:
    """What a table of places holds."""

    places: tuple[Place, ...]
    flaws: tuple[Flaw, ...]


def read(file: BinaryIO) -> Survey:
    """All of a table.  Raises `BadFile`."""
    places: dict[str, Place] = {}
    flaws: list[Flaw] = []
    for row in rows(file, COLUMNS.__contains__, ("kind", "code"), ABOUT):
        found = _place(row)
        if isinstance(found, Flaw):
            flaws.append(found)
        elif found.code in places:
            flaws.append(Flaw(row.line, "code", f"{found.code} comes twice", "leave one out"))
        else:
            places[found.code] = found
    return Survey(tuple(places.values()), tuple(flaws))


def _place(row: Row) -> Place | Flaw:
    values = row.values
    for name in ("kind", "code"):
        if name not in values:
            return Flaw(row.line, name, "it is empty", "fill it in")
    try:
        kind = PlaceKind(values["kind"].lower())
    except ValueError:
        kinds = ", ".join(PlaceKind)
        return Flaw(row.line, "kind", f"{values['kind']!r} is none", f"write one of {kinds}")
    return Place(values["code"], kind, values.get("parent"), values.get("name", ""))


def settle(tx: Transaction, places: tuple[Place, ...]) -> list[str]:
    """Keep places, if each lies where it may; else why not, and nothing is kept."""
    new = {place.code: place for place in places}
    wrong = [*_wrong(tx, new)]
    if not wrong:
        tx.put_places(places)
    return wrong


def _wrong(tx: Transaction, new: dict[str, Place]) -> Iterator[str]:
    for place in new.values():
        parent = None
        if place.parent is not None:
            parent = new.get(place.parent) or tx.place(place.parent)
        if (why := misplaced(place, parent)) is not None:
            yield f"{place.code}: {why}"
        known = tx.place(place.code)
        if known is not None and known.kind is not place.kind:
            yield f"{place.code}: it is a {known.kind} already, and stays one"
