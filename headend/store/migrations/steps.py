"""What a revision changes, in steps: each can be taken, taken back, and asked what that would lose.

    @Steps
    def steps() -> tuple[Step, ...]:
        return (
            table("layouts", sa.Column("number", NUMBER, primary_key=True), ...),
            index("layouts_by_digest", "layouts", "digest", unique=True),
            columns("meters", sa.Column("stage", sa.String)),
        )

    upgrade, downgrade = steps.take, steps.take_back

A revision that is out never changes, and neither does what these words make of it.  Steps
are made anew each time, as columns belong to the one table that SQLAlchemy made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa
from alembic import op

from headend.store.migrate import Loss

__all__ = ["NUMBER", "TIME", "Step", "Steps", "columns", "index", "rows", "sql", "table"]

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def _nothing(connection: sa.Connection) -> Iterator[Loss]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the schema, on the connection that Alembic has; `losses` only counts."""

    take: Callable[[], None]
    take_back: Callable[[], None]
    losses: Callable[[sa.Connection], Iterator[Loss]] = _nothing


class Steps:
    """All that one revision changes, in order: a function that makes it, and what is done by it."""

    def __init__(self, made: Callable[[], tuple[Step, ...]]) -> None:
        self._made = made

    def take(self) -> None:
        for step in self._made():
            step.take()

    def take_back(self) -> None:
        for step in reversed(self._made()):
            step.take_back()

    def losses(self, connection: sa.Connection) -> Iterator[Loss]:
        """What taking back would lose, of a database that stands at this revision or later."""
        for step in self._made():
            yield from step.losses(connection)


Row = Mapping[str, Any]


Part = sa.Column[Any] | sa.UniqueConstraint


def table(name: str, *parts: Part, rows: tuple[Row, ...] = (), **options: Any) -> Step:
    """A new table, with the rows that it begins with: as they are, they are no loss."""

    def take() -> None:
        made = op.create_table(name, *parts, **options)
        if rows:
            op.bulk_insert(made, [dict(row) for row in rows])

    def losses(connection: sa.Connection) -> Iterator[Loss]:
        there = _counted(connection, name)
        yield Loss(name, None, there - sum(_counted(connection, name, row) for row in rows))

    return Step(take, lambda: op.drop_table(name), losses)


def columns(table: str, *new: sa.Column[Any]) -> Step:
    """New columns of a table that is there; what stands in them by itself is no loss."""

    def take() -> None:
        for column in new:
            op.add_column(table, column)

    def take_back() -> None:
        for column in reversed(new):
            op.drop_column(table, column.name)

    def losses(connection: sa.Connection) -> Iterator[Loss]:
        for column in new:
            found: sa.ColumnElement[Any] = sa.column(column.name)
            set_: sa.ColumnElement[bool] = found.is_not(None)
            if isinstance(column.server_default, sa.DefaultClause):
                set_ = found.is_distinct_from(_as_sql(column.server_default.arg))
            counted = sa.select(sa.func.count()).select_from(sa.table(table)).where(set_)
            yield Loss(table, column.name, connection.execute(counted).scalar_one())

    return Step(take, take_back, losses)


def index(
    name: str, table: str, of: str, *, where: str | None = None, unique: bool = False
) -> Step:
    """An index of columns, spaces between them; `where` tells which rows are in it."""
    which = None if where is None else sa.text(where)

    def take() -> None:
        op.create_index(
            name, table, of.split(), unique=unique, sqlite_where=which, postgresql_where=which
        )

    return Step(take, lambda: op.drop_index(name, table))


def rows(table: str, key: str, *new: Row) -> Step:
    """Rows that a table which is there must have: marks, which are nothing without what they count.
    `key` is the column that tells them apart.  As they are, they are no loss of the table's."""

    def take() -> None:
        cells = sa.table(table, *(sa.column(name) for name in new[0]))
        op.bulk_insert(cells, [dict(row) for row in new])

    def take_back() -> None:
        those = sa.column(key).in_([row[key] for row in new])
        op.execute(sa.delete(sa.table(table)).where(those))

    def losses(connection: sa.Connection) -> Iterator[Loss]:
        yield Loss(table, None, -sum(_counted(connection, table, row) for row in new))

    return Step(take, take_back, losses)


def sql(on: Literal["sqlite", "postgresql"], take: str, take_back: str) -> Step:
    """What one kind of database is told in its own words."""

    def told(words: str) -> None:
        if op.get_bind().dialect.name == on:
            op.execute(words)

    return Step(partial(told, take), partial(told, take_back))


def _as_sql(default: Any) -> sa.ColumnElement[Any]:
    return sa.literal(default) if isinstance(default, str) else default


def _counted(connection: sa.Connection, name: str, like: Row | None = None) -> int:
    """How many rows a table has; of those, how many are exactly so."""
    same = (sa.column(column) == value for column, value in (like or {}).items())
    counted = sa.select(sa.func.count()).select_from(sa.table(name)).where(*same)
    return int(connection.execute(counted).scalar_one())
