"""Which meters a question is about: by concentrator, place, stage or name, in pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from headend.domain.life_cycle import stage_of
from headend.domain.meter import Meter, Stage
from headend.store.places import hanging_in
from headend.store.rows import METER

_m = METER.table.c
AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class MeterFilter:
    """Which meters; what is None or empty does not restrict."""

    concentrator: str | None = None
    place: str | None = None  # and all that lie in it
    stages: Collection[Stage] = ()
    meter: str | None = None  # this one alone


def meters(
    connection: Connection, which: MeterFilter, *, after: str = "", limit: int = 50
) -> list[Meter]:
    """By name; `after` continues behind the last name of the page before."""
    found: list[Meter] = []
    for meter in _meters(connection, which, after):
        if which.stages and stage_of(meter) not in which.stages:
            continue
        found.append(meter)
        if len(found) == limit:
            break
    return found


def _meters(connection: Connection, which: MeterFilter, after: str) -> Iterator[Meter]:
    """Those of a concentrator and a place, in pages, so that no more is read than is looked at."""
    statement = METER.select().order_by(_m.name).limit(AT_ONCE)
    if which.meter is not None:
        statement = statement.where(_m.name == which.meter)
    if which.concentrator is not None:
        statement = statement.where(_m.concentrator == which.concentrator)
    if which.place is not None:
        statement = statement.where(_m.name.in_(hanging_in(which.place)))
    while page := connection.execute(statement.where(_m.name > after)).all():
        yield from map(METER.read, page)
        after = page[-1].name
