"""Which meters a choice means, at the moment when it is asked."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from headend.domain.campaign import Choice
from headend.store import schema
from headend.store.places import hanging_in

FIRMWARE = "1.0.0.2.0.255"
"""Active firmware identifier (Blue Book 6.2.15): what a meter last said that it runs."""

AT_ONCE = 500  # names in one question

_m, _r = schema.meters.c, schema.readings.c
_said = (
    select(_r.value)
    .where(_r.meter == _m.name, _r.name == FIRMWARE, _r.value.is_not(None))
    .order_by(_r.at.desc(), _r.line.desc())
    .limit(1)
    .scalar_subquery()
)


def chosen(connection: Connection, choice: Choice) -> list[str]:
    """The meters meant, by name, or in the order in which they were named.

    Where none is named, only those that are commissioned: what lies in stock is nobody's supply.
    """
    statement = select(_m.name).order_by(_m.name)
    if choice.place is not None:
        statement = statement.where(_m.name.in_(hanging_in(choice.place)))
    if choice.concentrator is not None:
        statement = statement.where(_m.concentrator == choice.concentrator)
    if choice.model is not None:
        statement = statement.where(_m.model == choice.model)
    if choice.firmware is not None:
        statement = statement.where(_said == choice.firmware)
    if not choice.meters:
        statement = statement.where(_m.commissioned.is_(True))
        return [name for (name,) in connection.execute(statement)]
    known: set[str] = set()
    names = list(dict.fromkeys(choice.meters))
    for some in _in_parts(names):
        known.update(name for (name,) in connection.execute(statement.where(_m.name.in_(some))))
    return [name for name in names if name in known]


def _in_parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE)]
