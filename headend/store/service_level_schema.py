"""The table of what was measured for service levels: counts by day, level and group."""

from __future__ import annotations

from sqlalchemy import Column, Date, Integer, String, Table

from headend.domain.service_level import By
from headend.store.columns import EnumText, UtcDateTime
from headend.store.schema import Number, metadata

service_level_days = Table(
    "service_level_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("goal", String, primary_key=True),
    Column("within_s", Integer, primary_key=True, autoincrement=False),
    Column("by", EnumText(By), primary_key=True),
    Column("name", String, primary_key=True),
    Column("items", Number, nullable=False),
    Column("judged", Number, nullable=False),
    Column("met", Number, nullable=False),
    Column("apart", Number, nullable=False),
    Column("silent", Integer, nullable=False),
    Column("measured", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
