"""The tables of a head-end that came back from a backup."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from headend.domain.restoration import Raised, Standing
from headend.store.columns import EnumText, UtcDateTime
from headend.store.schema import Number, metadata

restorations = Table(
    "restorations",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("backup", String, nullable=False),
    Column("consistent_at", UtcDateTime, nullable=False),
    Column("restored_at", UtcDateTime, nullable=False),
    Column("restored_by", String, nullable=False),
    Column("standing", EnumText(Standing), nullable=False),
    Column("order_before", Number, nullable=False),
    Column("order_after", Number, nullable=False),
    Column("keys_found", Integer, nullable=False),
    Column("resumed_at", UtcDateTime),
    Column("resumed_by", String),
)

# Of the last restoration: each key's counters, and what the meter said of them.
restored_keys = Table(
    "restored_keys",
    metadata,
    Column("meter", String, primary_key=True),
    Column("client", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("before", Number),
    Column("least", Number, nullable=False),
    Column("standing", EnumText(Raised), nullable=False),
    Column("told", Text, nullable=False),
    Column("asked_at", UtcDateTime),
)

# Orders whose effect is looked for at the meter alone, as long as this was their last command.
restored_orders = Table(
    "restored_orders",
    metadata,
    Column("order", Number, primary_key=True, autoincrement=False),
    Column("commanded", Integer, nullable=False),
)

# Results of commands of the lost life, whose orders nobody here knows.
stray_results = Table(
    "stray_results",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("concentrator", String, nullable=False),
    Column("order", Number, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("meter", String, nullable=False),
    Column("action", String, nullable=False),
    Column("status", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("octets", LargeBinary, nullable=False),
    UniqueConstraint("concentrator", "order", "attempt", name="stray_results_once"),
)
