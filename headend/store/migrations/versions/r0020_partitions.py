"""PostgreSQL keeps what grows by the month, and looks for times by BRIN; SQLite as before.

Rows that are there move, in either direction: a database of some months takes a while.  One
transaction moves them all, so that no program ever meets half of them.
"""

from dataclasses import dataclass

from alembic import op

from headend.store.migrations.steps import Step, Steps

revision = "0020"
down_revision = "0019"

_MONTHS_MAX = 240  # of what lies further apart, the rest stays among all others


@dataclass(frozen=True)
class _Partitioned:
    """A table, the column whose month tells the partition, and what makes a row the same: there,
    and where `alone` tells it, without partitions."""

    table: str
    column: str
    key: str
    alone: str | None = None
    numbered: bool = False
    unique: tuple[str, str] | None = None


_TABLES = (
    _Partitioned("collected_blocks", "read_at", "source, meter, task, number, read_at"),
    _Partitioned(
        "events", "at", "number, at", alone="number", numbered=True,
        unique=("events_once", "device, name, at"),
    ),
    _Partitioned("hours_heard", "hour", "concentrator, hour, meter"),
    _Partitioned("interval_days", "day", "meter, profile, day"),
    _Partitioned("intervals", "at", "meter, at"),
    _Partitioned("journal", "at", "line, at", alone="line", numbered=True),
    _Partitioned("validated_days", "day", "meter, profile, day"),
)  # fmt: skip
_BRIN = {
    "collected_blocks": "received_at",
    "hours_heard": "hour",
    "interval_days": "updated_at",
    "intervals": "at",
    "journal": "at",
    "validated_days": "checked_at",
    "readings": "received_at",
    "pushes": "received_at",
}


def _part() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for how in _TABLES:
        _move(how, how.key, f"PARTITION BY RANGE ({how.column})")
    for table, column in _BRIN.items():
        op.execute(f"CREATE INDEX {table}_brin ON {table} USING brin ({column})")


def _join() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _BRIN:
        op.execute(f"DROP INDEX {table}_brin")
    for how in _TABLES:
        _move(how, how.alone or how.key, "")


def _move(how: _Partitioned, key: str, partitioned: str) -> None:
    """Make a table anew, with or without partitions, and move into it what is there."""
    table, before = how.table, f"{how.table}_before"
    indexes = _told(
        f"SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index"
        f" WHERE indrelid = '{table}'::regclass AND NOT indisunique"
    )
    foreign = _told(
        "SELECT concat_ws(' ', quote_ident(conname), pg_get_constraintdef(oid)) FROM pg_constraint"
        f" WHERE conrelid = '{table}'::regclass AND contype = 'f'"
    )
    op.execute(f"ALTER TABLE {table} RENAME TO {before}")
    op.execute(f"CREATE TABLE {table} (LIKE {before} INCLUDING DEFAULTS) {partitioned}")
    if how.numbered:
        numbers = how.key.partition(",")[0]
        (sequence,) = _told(f"SELECT pg_get_serial_sequence('{before}', '{numbers}')")
        op.execute(f"ALTER SEQUENCE {sequence} OWNED BY {table}.{numbers}")
    if partitioned:
        op.execute(f"CREATE TABLE {table}_others PARTITION OF {table} DEFAULT")
        _make_months(table, how.column)
    op.execute(f"INSERT INTO {table} SELECT * FROM {before}")
    op.execute(f"DROP TABLE {before}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({key})")
    if how.unique is not None:
        name, unique = how.unique
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE ({unique})")
    for definition in indexes:
        op.execute(definition)
    for definition in foreign:
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {definition}")


def _told(asked: str) -> list[str]:
    return [str(each) for each in op.get_bind().exec_driver_sql(asked).scalars()]


def _make_months(table: str, column: str) -> None:
    """The months of the rows that are there, each where there is any row of it."""
    time = f"to_timestamp({column})" if table == "intervals" else f"CAST({column} AS timestamptz)"
    if column == "day":
        time = f"CAST({column} AS timestamp) AT TIME ZONE 'UTC'"
    months = _told(
        f"SELECT DISTINCT to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM') AS month"
        f" FROM {table}_before ORDER BY month DESC LIMIT {_MONTHS_MAX}"
    )
    for told in months:
        year, month = (int(part) for part in told.split("-"))
        first = f"{year:04}-{month:02}-01"
        last = f"{year + month // 12:04}-{month % 12 + 1:02}-01"
        begin, end = (_literal(table, column, each) for each in (first, last))
        op.execute(
            f"CREATE TABLE {table}_y{year:04}m{month:02} PARTITION OF {table}"
            f" FOR VALUES FROM ({begin}) TO ({end})"
        )


def _literal(table: str, column: str, day: str) -> str:
    """A month's first moment, as the column has it."""
    if table == "intervals":
        moment = f"timestamptz '{day}T00:00:00+00'"
        return _told(f"SELECT CAST(extract(epoch FROM {moment}) AS bigint)")[0]
    return f"'{day}'" if column == "day" else f"'{day}T00:00:00+00'"


@Steps
def steps() -> tuple[Step, ...]:
    return (Step(_part, _join),)


upgrade, downgrade = steps.take, steps.take_back
