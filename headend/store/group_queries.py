"""Who is in a group of meters at the moment when it is asked."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, func, select

from headend.domain.group import Group
from headend.domain.meter import GATEWAY, Meter
from headend.store.places import hanging_in
from headend.store.rows import METER

_m = METER.table.c


def members(
    connection: Connection,
    group: Group,
    *,
    concentrator: str | None = None,
    among: Collection[str] | None = None,
    direct: bool = False,
) -> list[Meter]:
    """By name: those linked to one concentrator, those among some names, or those with an address
    of their own; or all."""
    statement = METER.select().order_by(_m.name).where(*_conditions(group))
    if concentrator is not None:
        statement = statement.where(_m.concentrator == concentrator)
    if among is not None:
        statement = statement.where(_m.name.in_(among))
    if direct:
        statement = statement.where(_m.address.is_not(None))
    return [METER.read(row) for row in connection.execute(statement)]


def collected_by(connection: Connection, group: Group) -> tuple[dict[str, int], int]:
    """How many members each concentrator collects from, by its name, and how many the head-end
    reads by itself: those with an address that are commissioned and not blocked."""
    wanted = _conditions(group)
    behind = (
        select(_m.concentrator, func.count())
        .where(*wanted, _m.concentrator.is_not(None))
        .group_by(_m.concentrator)
        .order_by(_m.concentrator)
    )
    direct = (
        select(func.count())
        .select_from(METER.table)
        .where(*wanted, _m.address.is_not(None), _m.address != GATEWAY)
        .where(_m.commissioned.is_(True), _m.blocked.is_(False))
    )
    counts = {row[0]: row[1] for row in connection.execute(behind)}
    return counts, connection.execute(direct).scalar_one()


def _conditions(group: Group) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if group.models:
        found.append(_m.model.in_(group.models))
    if group.place is not None:
        found.append(_m.name.in_(hanging_in(group.place)))
    if group.concentrators:
        found.append(_m.concentrator.in_(group.concentrators))
    if group.meters:
        found.append(_m.name.in_(group.meters))
    return found
