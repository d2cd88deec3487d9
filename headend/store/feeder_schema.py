"""The tables of what is known of feeders: instances of other systems, counts, names, figures."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, Integer, String, Table

from headend.domain.feeder import CHANNELS, Span
from headend.store.columns import EnumText, Json, Real, UtcDateTime
from headend.store.schema import Number, metadata

MEANS = tuple(f"{name}_mean" for name in CHANNELS)
COUNTS = tuple(f"{name}_count" for name in CHANNELS)
Percents = tuple[float | None, ...]

cim_instances = Table(
    "cim_instances",
    metadata,
    Column("adapter", String, primary_key=True),
    Column("cls", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("attributes", Json(dict[str, str]), nullable=False),
    Column("references", Json(dict[str, str]), nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
)

customer_counts = Table(
    "customer_counts",
    metadata,
    Column("day", Date, primary_key=True),
    Column("cls", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("what", String, primary_key=True),
    Column("count", Integer, nullable=False),
)

feeder_mappings = Table(
    "feeder_mappings",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("siad", String),
    Column("simoce", String),
    Column("siad_name", String, nullable=False),
    Column("simoce_name", String, nullable=False),
    Column("how", String),
    Column("at", UtcDateTime),
    Column("who", String, nullable=False),
    Index("feeder_mappings_siad", "siad", unique=True),
    Index("feeder_mappings_simoce", "simoce", unique=True),
)

feeder_hours = Table(
    "feeder_hours",
    metadata,
    Column("feeder", String, primary_key=True),
    Column("begin", BigInteger, primary_key=True),
    Column("day", Date, nullable=False),
    Column("expected", Integer, nullable=False),
    *(Column(name, Real) for name in MEANS),
    *(Column(name, Integer, nullable=False) for name in COUNTS),
    Column("taken_at", UtcDateTime, nullable=False),
    Index("feeder_hours_of_day", "day", "feeder"),
)

feeder_rolls = Table(
    "feeder_rolls",
    metadata,
    Column("span", EnumText(Span), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("feeder", String, primary_key=True),
    Column("rollup", Json(tuple[int, ...]), nullable=False),
    Column("percents", Json(tuple[Percents, ...]), nullable=False),
    Column("p95", Json(Percents), nullable=False),
    Column("raw_at", UtcDateTime, nullable=False),
    Index("feeder_rolls_of", "feeder", "span", "day"),
)
