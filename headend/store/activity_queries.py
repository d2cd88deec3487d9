"""Questions about what concentrators are asked to do, for pages and commands."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from headend.domain.activity import Activity, ActivityState
from headend.store.activities import ACTIVITY, ActivityWords

_a = ACTIVITY.table.c


def activity(connection: Connection, number: int) -> Activity | None:
    """One, by its number."""
    row = connection.execute(ACTIVITY.select().where(_a.number == number)).first()
    return None if row is None else ACTIVITY.read(row)


def activities(
    connection: Connection,
    concentrator: str | None = None,
    *,
    states: Collection[ActivityState] = (),
    before: int | None = None,
    limit: int = 50,
) -> list[Activity]:
    """The latest first, of one concentrator or of all; `before` continues behind the last number
    of the page before."""
    query = ACTIVITY.select().order_by(_a.number.desc()).limit(limit)
    if concentrator is not None:
        query = query.where(_a.concentrator == concentrator)
    if states:
        query = query.where(_a.state.in_(states))
    if before is not None:
        query = query.where(_a.number < before)
    return [ACTIVITY.read(row) for row in connection.execute(query)]


def words(connection: Connection) -> ActivityWords:
    """The words about activities, for what is worked out of the registry and a configuration."""
    return ActivityWords(connection)
