"""A day's work of those who hang meters up: a table of meters and service points, whole or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import BinaryIO

from headend.domain.place import RegisterRead
from headend.ports import Transaction
from headend.registry.lives import By, NotTaken, install
from headend.registry.sheets import Flaw, Row, rows

COLUMNS = ("meter", "service_point", "at", "first_kwh")
ABOUT = f"the columns are {', '.join(COLUMNS)}; docs/registry.md explains them"


@dataclass(frozen=True, slots=True)
class Hung:
    """One line: which meter hangs where, since when, and what its register showed."""

    line: int
    meter: str
    service_point: str
    at: datetime | None = None
    first_wh: Decimal | None = None


def read(file: BinaryIO) -> tuple[list[Hung], list[Flaw]]:
    """All of a table, and what is wrong in it.  Raises `BadFile`."""
    found, flaws = list[Hung](), list[Flaw]()
    for row in rows(file, COLUMNS.__contains__, ("meter", "service_point"), ABOUT):
        hung = _hung(row)
        if isinstance(hung, Flaw):
            flaws.append(hung)
        else:
            found.append(hung)
    return found, flaws


def _hung(row: Row) -> Hung | Flaw:
    values = row.values
    for name in ("meter", "service_point"):
        if name not in values:
            return Flaw(row.line, name, "it is empty", "fill it in")
    at = first_wh = None
    if "at" in values:
        try:
            at = datetime.fromisoformat(values["at"])
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            why = f"{values['at'][:40]!r} is no time with its zone"
            return Flaw(row.line, "at", why, "write it like 2026-11-23T18:00Z")
    if "first_kwh" in values:
        try:
            first_wh = Decimal(values["first_kwh"]) * 1000
        except InvalidOperation:
            first_wh = None
        if first_wh is None or not first_wh.is_finite() or first_wh < 0:
            why = f"{values['first_kwh'][:40]!r} is no number of kWh"
            return Flaw(row.line, "first_kwh", why, "write what the display showed, like 0.5")
    return Hung(row.line, values["meter"], values["service_point"], at, first_wh)


def hang(tx: Transaction, work: Sequence[Hung], by: By) -> list[Flaw]:
    """Hang them all up; what is refused, with its line.  Whoever calls takes the transaction back
    where anything is.  `by` has the time of those that tell none."""
    flaws = []
    for each in work:
        at = by.at if each.at is None else each.at.astimezone(UTC)
        read = None
        if each.first_wh is not None:
            read = RegisterRead(each.first_wh.normalize() + 0, "Wh", at, "technician")
        try:
            if at > by.at:
                raise NotTaken(f"{at:%Y-%m-%d %H:%M}Z is still to come", "name the time it was")
            install(tx, each.meter, each.service_point, replace(by, at=at), read)
        except NotTaken as refused:
            flaws.append(Flaw(each.line, "", str(refused), refused.next_step))
    return flaws
