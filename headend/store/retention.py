"""Takes away what has outlived its span: few rows a transaction, each asked once more whether
somebody needs it.

Which rows go is found by readers, who keep nobody waiting; the transaction that deletes them names
them, and asks their conditions again.  Of a page of rows its counts stay in the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, case, delete, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.retention import Cut, Outlived
from headend.store.collected_schema import interval_days
from headend.store.retention_holds import Needs
from headend.store.retention_rules import Rule
from headend.store.retention_schema import kept_since, past_days

Key = tuple[Any, ...]
_DIALECTS: dict[str, Any] = {each.dialect.name: each for each in (sqlite, postgresql)}
_k, _p = kept_since.c, past_days.c
_COUNTS = tuple(column.name for column in past_days.columns)


def looked(connection: Connection, rule: Rule, cut: Cut, needs: Needs) -> Outlived:
    """What of a table's old rows would go, and what stays, and why."""
    held, count = rule.held(needs), func.count()
    free = ~held
    reasons = [count.filter(hold.of(needs)) for hold in rule.holds]
    query = select(
        count.filter(free),
        func.min(rule.time).filter(free),
        func.max(rule.time).filter(free),
        count.filter(held),
        *reasons,
    ).select_from(rule.table)
    rows, oldest, newest, stay, *why = connection.execute(query.where(rule.old(cut))).one()
    told = {hold.why: n for hold, n in zip(rule.holds, why, strict=True) if n}
    return Outlived(
        rule.kind, rule.name, cut.day, rows, _instant(oldest), _instant(newest), stay, told
    )


def doomed(
    connection: Connection, rule: Rule, cut: Cut, needs: Needs, after: Key | None, limit: int
) -> list[Key]:
    """The keys of rows that may go, in the keys' order, behind one of them."""
    query = select(*rule.key).where(rule.free(cut, needs)).order_by(*rule.key).limit(limit)
    if after is not None:
        query = query.where(tuple_(*rule.key) > tuple_(*_bound(rule, after)))
    return [tuple(row) for row in connection.execute(query)]


def deleted(
    connection: Connection, rule: Rule, cut: Cut, needs: Needs, keys: Sequence[Key], now: datetime
) -> int:
    """Delete those of some rows that may still go, with what belongs to them; how many went."""
    named = _named(rule, keys)
    query = select(*rule.key).where(named, rule.free(cut, needs))
    query = query.with_for_update(of=rule.table, skip_locked=True)
    going = [tuple(row) for row in connection.execute(query)]
    if not going:
        return 0
    note_gone(connection, rule, cut, len(going), now)
    if rule.table is interval_days:
        keep_counts(connection, rule, going)
    for each in rule.belongings:
        mine = each.column.in_([key[0] for key in going])
        only = mine if each.only is None else mine & each.only
        connection.execute(delete(each.column.table).where(only))
    connection.execute(delete(rule.table).where(_named(rule, going)))
    return len(going)


def keep_counts(connection: Connection, rule: Rule, keys: Collection[Key]) -> None:
    """Enter pages into the ledger of days whose rows have gone; where a day is in it already, what
    came then and what came since are not told apart, and the larger count stands."""
    statement = _DIALECTS[connection.dialect.name].insert(past_days)
    source = select(*(interval_days.c[name] for name in _COUNTS)).where(_named(rule, keys))
    new = statement.excluded
    larger = {name: case((new[name] > _p[name], new[name]), else_=_p[name]) for name in _COUNTS[3:]}
    again = statement.from_select(list(_COUNTS), source).on_conflict_do_update(
        index_elements=list(_COUNTS[:3]), set_=larger
    )
    connection.execute(again)


def note_gone(connection: Connection, rule: Rule, cut: Cut, rows: int, now: datetime) -> None:
    """Rows of a table go in this transaction: it begins at `cut` from now on, or later."""
    statement = _DIALECTS[connection.dialect.name].insert(kept_since)
    values = {"table": rule.name, "kept_since": cut.day, "gone": rows, "held": 0, "at": now}
    new = statement.excluded
    later = case(
        (_k.kept_since > new.kept_since, _k.kept_since), else_=new.kept_since
    )  # also where there was none
    connection.execute(
        statement.values(values).on_conflict_do_update(
            index_elements=["table"],
            set_={"kept_since": later, "gone": _k.gone + new.gone, "at": new.at},
        )
    )


def note_held(connection: Connection, rule: Rule, held: int, now: datetime) -> None:
    """How many old rows of a table stay just now."""
    statement = _DIALECTS[connection.dialect.name].insert(kept_since)
    values = {"table": rule.name, "kept_since": None, "gone": 0, "held": held, "at": now}
    new = statement.excluded
    connection.execute(
        statement.values(values).on_conflict_do_update(
            index_elements=["table"], set_={"held": new.held, "at": new.at}
        )
    )


def _named(rule: Rule, keys: Collection[Key]) -> Any:
    if len(rule.key) == 1:
        return rule.key[0].in_([key[0] for key in keys])
    return tuple_(*rule.key).in_(list(keys))


def _bound(rule: Rule, key: Key) -> list[Any]:
    return [literal(value, column.type) for value, column in zip(key, rule.key, strict=True)]


def _instant(value: Any) -> datetime | None:
    """What dates a row, as a time."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    found: datetime | None = value
    return found
