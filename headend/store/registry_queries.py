"""Questions about meters' lives, places and shipments, for pages and commands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection

from headend.domain.commissioning import Check
from headend.domain.life_cycle import LifeLine, stage_of
from headend.domain.meter import Meter, Stage
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.shipment import Receipt
from headend.store.meter_filter import MeterFilter, meters
from headend.store.places import PLACE, within_place
from headend.store.receipts import RECEIPT
from headend.store.transaction import SqlTransaction

__all__ = [
    "MeterFile",
    "MeterFilter",
    "above",
    "hangs_at",
    "installations_at",
    "meter_file",
    "meters",
    "place",
    "places",
    "places_below",
    "receipt",
    "receipts",
    "service_points",
]

_p = PLACE.table.c


@dataclass(frozen=True, slots=True)
class MeterFile:
    """All that the registry keeps of one meter's life."""

    meter: Meter
    stage: Stage
    life: list[LifeLine]
    installations: list[Installation]
    checks: list[Check]


def meter_file(connection: Connection, name: str) -> MeterFile | None:
    """All of one meter's life, or None where nobody knows it."""
    words = SqlTransaction(connection)
    meter = words.meter(name)
    if meter is None:
        return None
    return MeterFile(
        meter,
        stage_of(meter),
        words.life_of(name),
        words.installations_of(name),
        words.checks_of(name),
    )


def places(
    connection: Connection,
    *,
    kind: PlaceKind | None = None,
    within: str | None = None,
    after: str = "",
    limit: int = 50,
) -> list[Place]:
    """By code; `after` continues behind the last code of the page before."""
    where: list[ColumnElement[bool]] = [_p.code > after]
    if kind is not None:
        where.append(_p.kind == kind)
    if within is not None:
        where += [_p.code.in_(within_place(within)), _p.code != within]
    statement = PLACE.select().where(*where).order_by(_p.code).limit(limit)
    return [PLACE.read(row) for row in connection.execute(statement)]


def place(connection: Connection, code: str) -> Place | None:
    return SqlTransaction(connection).place(code)


def above(connection: Connection, code: str) -> list[Place]:
    """The places that a place lies in, the nearest first."""
    words, found = SqlTransaction(connection), []
    here = words.place(code)
    while here is not None and here.parent is not None:
        here = words.place(here.parent)
        if here is not None:
            found.append(here)
    return found


def installations_at(connection: Connection, service_point: str) -> list[Installation]:
    """The meters that hung there, the first one first."""
    return SqlTransaction(connection).installations_at(service_point)


def receipts(
    connection: Connection, *, before: int | None = None, limit: int = 50
) -> list[Receipt]:
    """The latest first; those `before` a number."""
    statement = RECEIPT.select().order_by(RECEIPT.table.c.number.desc()).limit(limit)
    if before is not None:
        statement = statement.where(RECEIPT.table.c.number < before)
    return [RECEIPT.read(row) for row in connection.execute(statement)]


def receipt(connection: Connection, number: int) -> Receipt | None:
    statement = RECEIPT.select().where(RECEIPT.table.c.number == number)
    row = connection.execute(statement).first()
    return None if row is None else RECEIPT.read(row)


def places_below(
    connection: Connection, parent: str | None, *, after: str = "", limit: int = 50
) -> list[Place]:
    """Those that lie right in a place, or in none, by code."""
    inside = _p.parent.is_(None) if parent is None else _p.parent == parent
    statement = PLACE.select().where(inside, _p.code > after).order_by(_p.code).limit(limit)
    return [PLACE.read(row) for row in connection.execute(statement)]


def service_points(connection: Connection, meters: Collection[str]) -> dict[str, str]:
    """Where each of these meters hangs now; those that hang nowhere are left out."""
    found = ((each, hangs_at(connection, each)) for each in meters)
    return {meter: point for meter, point in found if point is not None}


def hangs_at(connection: Connection, meter: str) -> str | None:
    """The service point where a meter hangs now."""
    installations = SqlTransaction(connection).installations_of(meter)
    return next((it.service_point for it in installations if it.until is None), None)
