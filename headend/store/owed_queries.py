"""How far the legacy database is behind."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from headend.domain.owed import OwedKind
from headend.store.change_schema import OWING
from headend.store.owed_schema import owed
from headend.store.transaction import SqlTransaction

_o = owed.c


@dataclass(frozen=True, slots=True)
class Backlog:
    """Things that wait to be delivered, by kind, and those that cannot be as they are."""

    owing: bool  # whether the legacy database is filled at all
    waiting: dict[OwedKind, int]
    troubles: int


def backlog(connection: Connection) -> Backlog:
    """As it stands."""
    waits = select(_o.kind, func.count()).where(_o.trouble.is_(None)).group_by(_o.kind)
    found = {row[0]: row[1] for row in connection.execute(waits)}
    broken = select(func.count()).select_from(owed).where(_o.trouble.is_not(None))
    return Backlog(
        owing=bool(SqlTransaction(connection).change_mark(OWING)),
        waiting={kind: found.get(kind, 0) for kind in OwedKind},
        troubles=connection.execute(broken).scalar_one(),
    )


def troubles(connection: Connection, limit: int) -> list[tuple[str, str]]:
    """What cannot be delivered, and why."""
    query = (
        select(_o.kind, _o.device, _o.profile, _o.moment, _o.trouble)
        .where(_o.trouble.is_not(None))
        .order_by(_o.line)
        .limit(limit)
    )
    return [
        (" ".join(part for part in row[:4] if part), row[4]) for row in connection.execute(query)
    ]
