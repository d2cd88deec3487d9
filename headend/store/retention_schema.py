"""The tables of what is left when rows have gone: the ledger of their days, and since when each
table is kept."""

from __future__ import annotations

from sqlalchemy import Column, Date, Integer, String, Table

from headend.store.columns import UtcDateTime
from headend.store.schema import Number, metadata

# The counts of a page whose rows have gone.  Where a page is here besides, some came afterwards.
past_days = Table(
    "past_days",
    metadata,
    Column("meter", String, primary_key=True),
    Column("profile", String, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("expected", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
)

# Written with the first rows that go: nobody takes for missing what was deleted.  `kept_since` is
# NULL while nothing has.
kept_since = Table(
    "kept_since",
    metadata,
    Column("table", String, primary_key=True),
    Column("kept_since", Date),
    Column("gone", Number, nullable=False),
    Column("held", Number, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
