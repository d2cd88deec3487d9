"""Months that are over as a whole (PostgreSQL): where nearly all of one may go, its partition is
dropped, and what somebody still needs of it lies among all others from then on.

While a month is weighed nobody writes to it, and everybody reads; only the drop itself, which takes
no time, waits for those who read the table.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import Connection, Date, Integer, exists, func, insert, select, tuple_

from headend.domain.retention import Cut
from headend.store.collected_schema import interval_days
from headend.store.copying import stored
from headend.store.partitions import LOCK_MS, PARTITIONED, Part, drop_month, parts
from headend.store.retention import Key, keep_counts, note_gone
from headend.store.retention_holds import Needs
from headend.store.retention_rules import Rule
from headend.store.retention_schema import past_days

HELD_MAX = 500
"""Rows that move out of a month before it is dropped; where more are held it stays."""


def over(connection: Connection, table: str, cut: Cut) -> list[Part]:
    """The months of a table that lie before a cut as a whole."""
    return [
        part
        for part in parts(connection)
        if part.table == table and part.month.after(1).begin < cut.day  # in every zone
    ]


def droppable(connection: Connection, rule: Rule, part: Part, needs: Needs) -> bool:
    """Whether there is anything in a month, and few of it is needed."""
    query = select(*rule.key).where(_within(rule, part))
    if connection.execute(query.limit(1)).first() is None:
        return False
    return len(_held(connection, rule, part, needs)) <= HELD_MAX


def uncounted(
    connection: Connection, rule: Rule, part: Part, cut: Cut, needs: Needs, limit: int
) -> list[Key]:
    """Pages of a month that are to go and are not in the ledger of past days yet."""
    if rule.table is not interval_days:
        return []
    p, d = past_days.c, interval_days.c
    same = [p[name] == d[name] for name in ("meter", "profile", "day")]
    there = exists(select(1).where(*same, p.received >= d.received))
    query = select(*rule.key).where(_within(rule, part), rule.free(cut, needs), ~there)
    return [tuple(row) for row in connection.execute(query.limit(limit))]


def counted(connection: Connection, rule: Rule, keys: list[Key]) -> None:
    keep_counts(connection, rule, keys)


def dropped(
    connection: Connection, rule: Rule, part: Part, cut: Cut, needs: Needs, now: datetime
) -> int | None:
    """Drop a month of a table whose rows nothing goes with; how many went.  None where it stays:
    much of it is needed, or something came just now."""
    _keep_writers_out(connection, part)
    if uncounted(connection, rule, part, cut, needs, 1):
        return None
    within = _within(rule, part)
    count = select(func.count()).select_from(rule.table).where(within)
    rows: int = connection.execute(count).scalar_one()
    keys = _held(connection, rule, part, needs)
    if len(keys) > HELD_MAX:
        return None
    raw = stored(rule.table)
    of = tuple_(*(raw.c[column.name] for column in rule.key))
    stay = connection.execute(select(raw).where(of.in_(keys))).mappings().all() if keys else []
    if rows > len(stay):
        note_gone(connection, rule, cut, rows - len(stay), now)
    drop_month(connection, part)
    if stay:
        connection.execute(insert(raw), [dict(row) for row in stay])
    return rows - len(stay)


def emptied(connection: Connection, part: Part) -> bool:
    """Drop a month in which nothing is left; whether it was."""
    _keep_writers_out(connection, part)
    if connection.exec_driver_sql(f"SELECT 1 FROM {part.name} LIMIT 1").first() is not None:
        return False
    drop_month(connection, part)
    return True


def _held(connection: Connection, rule: Rule, part: Part, needs: Needs) -> list[Key]:
    """The keys of what is needed of a month; one more than `HELD_MAX` at most."""
    query = select(*rule.key).where(_within(rule, part), rule.held(needs)).limit(HELD_MAX + 1)
    return [tuple(row) for row in connection.execute(query)]


def _keep_writers_out(connection: Connection, part: Part) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_MS}")
    connection.exec_driver_sql(f"LOCK TABLE {part.name} IN SHARE MODE")


def _within(rule: Rule, part: Part) -> Any:
    """Whether a row lies in a month."""
    column = rule.table.c[PARTITIONED[rule.name]]
    first, behind = part.month.begin, part.month.after(1).begin
    if isinstance(column.type, Date):
        return (column >= first) & (column < behind)
    begin, end = (datetime.combine(each, time(), UTC) for each in (first, behind))
    if isinstance(column.type, Integer):
        return (column >= int(begin.timestamp())) & (column < int(end.timestamp()))
    return (column >= begin) & (column < end)
