"""Questions about changes: those behind a position, and where the meters in them hang."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, select

from headend.domain.change import Change
from headend.store.change_schema import BEGUN, HEAD
from headend.store.changes import CHANGE
from headend.store.events import EVENT
from headend.store.places import INSTALLATION, PLACE
from headend.store.transaction import SqlTransaction

_c, _i, _p = CHANGE.table.c, INSTALLATION.table.c, PLACE.table.c
AT_ONCE = 500


def changes(connection: Connection, after: int, limit: int) -> list[Change]:
    """By position, those behind `after`."""
    return SqlTransaction(connection).changes(after, limit)


def head(connection: Connection) -> int:
    """The last position that was given."""
    return SqlTransaction(connection).change_mark(HEAD)


def first(connection: Connection) -> int | None:
    """The earliest position that is still kept, of this life; one that a listener has from before
    a restoration stood for another change."""
    begun = SqlTransaction(connection).change_mark(BEGUN)
    statement = select(_c.position).where(_c.position > begun).order_by(_c.position).limit(1)
    position: int | None = connection.execute(statement).scalar()
    return position


def places_of(connection: Connection, meters: Collection[str]) -> dict[str, frozenset[str]]:
    """The codes of all places in which each of these meters hangs."""
    hung: dict[str, str] = {}
    names = sorted(meters)
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        statement = select(_i.meter, _i.service_point).where(_i.until.is_(None), _i.meter.in_(some))
        hung |= {row.meter: row.service_point for row in connection.execute(statement)}
    above = _above(connection, set(hung.values()))
    return {meter: above[point] if (point := hung.get(meter)) else frozenset() for meter in names}


def above(connection: Connection, code: str) -> frozenset[str]:
    """A place's code, and those of all that it lies in."""
    return _above(connection, {code})[code]


def devices_of_incident(connection: Connection, number: int) -> list[str]:
    """The meters whose events it is made of."""
    e = EVENT.table.c
    statement = select(e.device).where(e.incident == number).distinct().order_by(e.device)
    return list(connection.execute(statement).scalars())


def _above(connection: Connection, codes: set[str]) -> dict[str, frozenset[str]]:
    parents: dict[str, str | None] = {}
    level = sorted(codes)
    while level:
        found: dict[str, str | None] = defaultdict(lambda: None)
        for start in range(0, len(level), AT_ONCE):
            some = level[start : start + AT_ONCE]
            statement = select(_p.code, _p.parent).where(_p.code.in_(some))
            found |= {row.code: row.parent for row in connection.execute(statement)}
        for code in level:
            parents[code] = found[code]
        level = sorted({p for p in found.values() if p is not None and p not in parents})
    whole: dict[str, frozenset[str]] = {}
    for code in codes:
        path, here = [], code
        while here is not None and here not in path:
            path.append(here)
            here = parents.get(here)  # type: ignore[assignment]
        whole[code] = frozenset(path)
    return whole
