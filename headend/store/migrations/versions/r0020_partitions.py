"""PostgreSQL keeps what grows by the month, and looks for times by BRIN; SQLite as before.

Rows that are there move: a database of some months takes a while.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


@dataclass(frozen=True)
class _Partitioned:
    """A table, the column whose month tells the partition, and what makes a row the same."""

    column: str
    key: str
    sequence: str | None = None
    unique: tuple[str, str] | None = None
    brin: str | None = None


_TABLES = {
    "collected_blocks": _Partitioned(
        "read_at", "source, meter, task, number, read_at", brin="received_at"
    ),
    "events": _Partitioned(
        "at", "number, at", sequence="number", unique=("events_once", "device, name, at")
    ),
    "hours_heard": _Partitioned("hour", "concentrator, hour, meter", brin="hour"),
    "interval_days": _Partitioned("day", "meter, profile, day", brin="updated_at"),
    "intervals": _Partitioned("at", "meter, at", brin="at"),
    "journal": _Partitioned("at", "line, at", sequence="line", brin="at"),
    "validated_days": _Partitioned("day", "meter, profile, day", brin="checked_at"),
}
_BRIN = (*((table, each.brin) for table, each in _TABLES.items() if each.brin),
         ("readings", "received_at"), ("pushes", "received_at"))  # fmt: skip


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, how in _TABLES.items():
        _partition(table, how)
    for table, column in _BRIN:
        op.execute(f"CREATE INDEX {table}_brin ON {table} USING brin ({column})")


def _partition(table: str, how: _Partitioned) -> None:
    bind = op.get_bind()
    indexes = bind.execute(
        sa.text(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = CAST(:t AS regclass)"
            " AND NOT indisunique"
        ),
        {"t": table},
    )
    definitions = [str(definition) for definition in indexes.scalars()]
    refers = bind.execute(
        sa.text(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = CAST(:t AS regclass) AND contype = 'f'"
        ),
        {"t": table},
    )
    foreign = [(str(name), str(definition)) for name, definition in refers]
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    op.execute(
        f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS)"
        f" PARTITION BY RANGE ({how.column})"
    )
    if how.sequence is not None:
        owned = f"pg_get_serial_sequence('{table}_before', '{how.sequence}')"
        sequence = bind.execute(sa.text(f"SELECT {owned}")).scalar_one()
        op.execute(f"ALTER SEQUENCE {sequence} OWNED BY {table}.{how.sequence}")
    op.execute(f"CREATE TABLE {table}_others PARTITION OF {table} DEFAULT")
    _make_months(table, how.column)
    op.execute(f"INSERT INTO {table} SELECT * FROM {table}_before")
    op.execute(f"DROP TABLE {table}_before")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({how.key})")
    if how.unique is not None:
        name, columns = how.unique
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE ({columns})")
    for definition in definitions:
        op.execute(definition)
    for name, definition in foreign:
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


_MONTHS_MAX = 240  # of what lies further apart, the rest stays among all others


def _make_months(table: str, column: str) -> None:
    """The months of the rows that are there, each where there is any row of it."""
    time = f"to_timestamp({column})" if table == "intervals" else f"CAST({column} AS timestamptz)"
    if column == "day":
        time = f"CAST({column} AS timestamp) AT TIME ZONE 'UTC'"
    months = op.get_bind().execute(
        sa.text(
            f"SELECT DISTINCT to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM') AS month"
            f" FROM {table}_before ORDER BY month DESC LIMIT {_MONTHS_MAX}"
        )
    )
    for told in list(months.scalars()):
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
        at = sa.text(f"SELECT CAST(extract(epoch FROM timestamptz '{day}T00:00:00+00') AS bigint)")
        return str(op.get_bind().execute(at).scalar_one())
    return f"'{day}'" if column == "day" else f"'{day}T00:00:00+00'"
