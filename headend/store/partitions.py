"""What grows lies in partitions by the month, on PostgreSQL.

A query about some days reads the months that it asks about, and what has outlived its time goes as
a whole month, at once, leaving nothing to clean up.  Months are made ahead of time (`make_month`);
a row of a month for which there is none, of a meter whose clock is years ahead, lies in the
partition of all others until its month is made.

What makes a row unique names its time as well, so each partition sees to it alone: a row comes
twice with the same time, or it is not the same row.  Numbers given by a sequence need no index to
be unique.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, text

from headend.store.engine import is_sqlite

PARTITIONED = {
    "collected_blocks": "read_at",
    "events": "at",
    "hours_heard": "hour",
    "interval_days": "day",
    "intervals": "at",  # POSIX seconds
    "journal": "at",
    "validated_days": "day",
}
"""Tables, and the column whose month tells the partition."""

IN_SECONDS = frozenset({"intervals"})
OTHERS = "others"
LOCK_MS = 2_000
"""How long making a month waits for whoever writes to the partition of all others."""

_NAME = re.compile(r"^(?P<table>\w+)_y(?P<year>\d{4})m(?P<month>\d\d)$")
_PARTS = text(
    "SELECT child.relname FROM pg_inherits"
    " JOIN pg_class AS parent ON parent.oid = inhparent"
    " JOIN pg_class AS child ON child.oid = inhrelid"
    " WHERE parent.relkind = 'p' AND parent.relnamespace = current_schema()::regnamespace"
    " ORDER BY child.relname"
)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year, day.month)

    def after(self, months: int) -> Month:
        count = 12 * self.year + self.month - 1 + months
        return Month(count // 12, count % 12 + 1)

    @property
    def begin(self) -> date:
        return date(self.year, self.month, 1)


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """The partition of one month of a table."""

    table: str
    month: Month

    @property
    def name(self) -> str:
        return f"{self.table}_y{self.month.year:04}m{self.month.month:02}"

    @property
    def bounds(self) -> tuple[str, str]:
        """The first value that is in it, and the first behind it, as SQL."""
        return _value(self.table, self.month), _value(self.table, self.month.after(1))


def parts(connection: Connection) -> list[Part]:
    """The months that there are, by table and time; none on SQLite."""
    if is_sqlite(connection.engine.url):
        return []
    found = (_NAME.match(name) for name in connection.execute(_PARTS).scalars())
    return sorted(
        Part(each["table"], Month(int(each["year"]), int(each["month"]))) for each in found if each
    )


def months_of(connection: Connection, table: str) -> list[Month]:
    """The months of a table's rows on SQLite; on PostgreSQL those that it has partitions of."""
    if not is_sqlite(connection.engine.url):
        return [part.month for part in parts(connection) if part.table == table]
    column = PARTITIONED[table]
    told = f"substr({column}, 1, 7)"
    if table in IN_SECONDS:
        told = f"strftime('%Y-%m', {column}, 'unixepoch')"
    found = connection.exec_driver_sql(f"SELECT DISTINCT {told} FROM {table} ORDER BY 1")
    return [Month(int(each[:4]), int(each[5:])) for each in found.scalars()]


def missing_months(connection: Connection, first: date, months: int) -> list[Part]:
    """Of these months, the partitions that are still to be made; none on SQLite."""
    if is_sqlite(connection.engine.url):
        return []
    there = set(parts(connection))
    wanted = [Month.of(first).after(count) for count in range(months)]
    return [
        Part(table, month)
        for table in sorted(PARTITIONED)
        for month in wanted
        if Part(table, month) not in there
    ]


def make_month(connection: Connection, part: Part) -> None:
    """Make a partition, within the caller's transaction; rows that came early move there.  Who
    writes such rows waits meanwhile, so each month of each table has a transaction of its own."""
    others, column = f"{part.table}_{OTHERS}", PARTITIONED[part.table]
    begin, end = part.bounds
    early = f"DELETE FROM {others} WHERE {column} >= {begin} AND {column} < {end} RETURNING *"
    bounds = f"FOR VALUES FROM ({begin}) TO ({end})"
    for statement in (
        f"SET LOCAL lock_timeout = {LOCK_MS}",
        f"LOCK TABLE {others} IN ACCESS EXCLUSIVE MODE",
        f"CREATE TABLE {part.name} (LIKE {part.table} INCLUDING DEFAULTS)",
        f"WITH early AS ({early}) INSERT INTO {part.name} SELECT * FROM early",
        f"ALTER TABLE {part.table} ATTACH PARTITION {part.name} {bounds}",
        "SET LOCAL lock_timeout = DEFAULT",
    ):
        connection.exec_driver_sql(statement)


def drop_month(connection: Connection, part: Part) -> None:
    """Take a partition away with all that is in it."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_MS}")
    connection.exec_driver_sql(f"DROP TABLE {part.name}")
    connection.exec_driver_sql("SET LOCAL lock_timeout = DEFAULT")


def _value(table: str, month: Month) -> str:
    begin = month.begin
    if table in IN_SECONDS:
        return f"{int(datetime(begin.year, begin.month, 1, tzinfo=UTC).timestamp())}"
    column = PARTITIONED[table]
    return f"'{begin}'" if column == "day" else f"'{begin}T00:00:00+00'"
