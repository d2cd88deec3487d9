"""Which meters a choice means, at the moment when it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select

from headend.domain.campaign import Choice, Meant
from headend.domain.meter import Meter
from headend.store import schema
from headend.store.places import PLACE, hanging_in
from headend.store.rows import METER

FIRMWARE = "1.0.0.2.0.255"
"""Active firmware identifier (Blue Book 6.2.15): what a meter last said that it runs."""

AT_ONCE = 500  # names in one question

_m, _r, _p = schema.meters.c, schema.readings.c, PLACE.table.c
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
    statement = _restricted(select(_m.name), choice)
    if not choice.meters:
        commissioned = statement.where(_m.commissioned.is_(True))
        return [name for (name,) in connection.execute(commissioned)]
    known: set[str] = set()
    names = list(dict.fromkeys(choice.meters))
    for some in _in_parts(names):
        known.update(name for (name,) in connection.execute(statement.where(_m.name.in_(some))))
    return [name for name in names if name in known]


def meant(connection: Connection, choice: Choice) -> Meant:
    """The same meters as they stand in the registry, and who is left out."""
    place_known = choice.place is None or bool(
        connection.scalar(select(func.count()).where(_p.code == choice.place))
    )
    statement = _restricted(METER.select(), choice)
    if not choice.meters:
        found = [METER.read(row) for row in connection.execute(statement)]
        return Meant(
            tuple(each for each in found if each.commissioned),
            tuple(each.name for each in found if not each.commissioned),
            place_known=place_known,
        )
    names = list(dict.fromkeys(choice.meters))
    fitting: dict[str, Meter] = {}
    registered: set[str] = set()
    for some in _in_parts(names):
        rows = connection.execute(statement.where(_m.name.in_(some)))
        fitting |= {meter.name: meter for meter in map(METER.read, rows)}
        registered.update(
            name for (name,) in connection.execute(select(_m.name).where(_m.name.in_(some)))
        )
    return Meant(
        tuple(fitting[name] for name in names if name in fitting),
        unknown=tuple(name for name in names if name not in registered),
        elsewhere=tuple(name for name in names if name in registered and name not in fitting),
        place_known=place_known,
    )


def _restricted(statement: Select[Any], choice: Choice) -> Select[Any]:
    """By all that a choice gives but names, in the order of names."""
    statement = statement.order_by(_m.name)
    if choice.place is not None:
        statement = statement.where(_m.name.in_(hanging_in(choice.place)))
    if choice.concentrator is not None:
        statement = statement.where(_m.concentrator == choice.concentrator)
    if choice.model is not None:
        statement = statement.where(_m.model == choice.model)
    if choice.firmware is not None:
        statement = statement.where(_said == choice.firmware)
    return statement


def _in_parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE)]
