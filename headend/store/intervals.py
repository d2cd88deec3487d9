"""The words for load profiles, by the million: rows go to the driver as they come.

The first row of an interval stands; the same interval again changes nothing.  PostgreSQL copies
rows in where they are many and all new, as they nearly always are; where one is there already the
copy is undone, and each row asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Integer, String, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.ports import IntervalRow
from headend.store import schema
from headend.store.prepared import Prepared
from headend.store.words import Words

QUANTITIES = tuple(column.name for column in schema.intervals.columns)[2:]
"""The columns of numbers, in order."""

_c = schema.intervals.c
_ADD: dict[str, Prepared] = {
    dialect.dialect.name: Prepared(
        dialect.insert(schema.intervals).on_conflict_do_nothing(),
        [column.name for column in schema.intervals.columns],
    )
    for dialect in (sqlite, postgresql)
}
COPY_MIN = 50  # rows from which on a copy and its savepoint cost less than asking for each
_NAMES = ", ".join(f'"{column.name}"' for column in schema.intervals.columns)
_COPY = f"COPY intervals ({_NAMES}) FROM STDIN (FORMAT BINARY)"
_TYPES = [
    {String: "text", Integer: "int4"}.get(type(column.type), "int8")
    for column in schema.intervals.columns
]
_THERE_ALREADY = "23505"  # SQLSTATE: unique_violation
_OF_METERS = Prepared(
    select(*schema.intervals.columns)
    .where(
        _c.meter.between(bindparam("first"), bindparam("last")),
        _c.at > bindparam("after"),
        _c.at <= bindparam("until"),
    )
    .order_by(_c.meter, _c.at)
)


class IntervalWords(Words):
    """Rows of load profiles."""

    def add_intervals(self, rows: Sequence[IntervalRow]) -> int:
        """Keep what is new of them; how many are."""
        try:
            if self._shared and len(rows) >= COPY_MIN and self._copied(rows):
                return len(rows)
            return _ADD[self._connection.dialect.name].change_rows(self._connection, rows)
        except Exception as error:
            self._refuse(error)

    def _copied(self, rows: Sequence[IntervalRow]) -> bool:
        """Whether all were new, and are in now; otherwise nothing is changed."""
        cursor = self._connection.connection.cursor()
        cursor.execute("SAVEPOINT copied")
        try:
            with cursor.copy(_COPY) as copy:
                copy.set_types(_TYPES)
                for row in rows:
                    copy.write_row(row)
        except Exception as error:
            cursor.execute("ROLLBACK TO SAVEPOINT copied")
            if getattr(error, "sqlstate", None) != _THERE_ALREADY:
                raise
            return False
        cursor.execute("RELEASE SAVEPOINT copied")
        return True


def intervals_of(
    connection: Connection, first: str, last: str, *, after: int, until: int
) -> list[IntervalRow]:
    """The rows of the meters whose names lie between two, by meter and time: of intervals that end
    after one moment, and at or before another."""
    between = {"first": first, "last": last, "after": after, "until": until}
    return _OF_METERS.rows(connection, between)
