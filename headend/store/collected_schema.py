"""The tables of what concentrators collect: task tables, blocks as they came, rows by the day."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Column, Date, Dialect, Index, Integer, LargeBinary, String, Table, Text
from sqlalchemy.types import TypeDecorator

from headend.domain.interval import Row
from headend.store.columns import Deflated, Json, UtcDateTime, deflated, inflated
from headend.store.schema import Number, metadata
from protocols.concentrator.collecting import Layout, Task


class Rows(TypeDecorator[tuple[Row, ...]]):
    """A day's rows as MessagePack, deflated: 96 rows of eight registers take some 1.5 kB."""

    impl = LargeBinary
    cache_ok = True
    _encoder = msgspec.msgpack.Encoder()
    _decoder = msgspec.msgpack.Decoder(list[tuple[int, int, int, int, tuple[Any, ...]]])

    def process_bind_param(self, value: tuple[Row, ...] | None, dialect: Dialect) -> Any:
        return None if value is None else deflated(self._encoder.encode(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Row, ...] | None:
        return (
            None if value is None else tuple(map(Row._make, self._decoder.decode(inflated(value))))
        )


# What a concentrator is to collect, as it was last told, and what it is known to have.
task_tables = Table(
    "task_tables",
    metadata,
    Column("concentrator", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("tasks", Json(tuple[Task, ...]), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("stored_version", Integer, nullable=False),
    Column("stored_at", UtcDateTime),
)

layouts = Table(
    "layouts",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("digest", String, nullable=False, unique=True),
    Column("layout", Json(Layout), nullable=False),
)

# Never changed: whatever is worked out of a block can be worked out again.
collected_blocks = Table(
    "collected_blocks",
    metadata,
    Column("source", String, primary_key=True),
    Column("meter", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("read_at", UtcDateTime, primary_key=True),  # numbers begin anew in a new device
    Column("received_at", UtcDateTime, nullable=False),
    Column("layout", Number),
    Column("rows", Integer, nullable=False),
    Column("octets", Deflated, nullable=False),
    Column("trouble", Text, nullable=False),
    Index("collected_blocks_of_meter", "meter", "received_at"),
)

interval_days = Table(
    "interval_days",
    metadata,
    Column("meter", String, primary_key=True),
    Column("profile", String, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("expected", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("rows", Rows, nullable=False),
    Index("interval_days_by_day", "profile", "day"),
)

# One line for each upload: for whoever asks what a concentrator brought of late.
uploads = Table(
    "uploads",
    metadata,
    Column("concentrator", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("octets", Integer, nullable=False),
    Column("blocks", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
    Column("dropped", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("again", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("trouble", Text, nullable=False),
    Index("uploads_by_time", "concentrator", "received_at"),
)
