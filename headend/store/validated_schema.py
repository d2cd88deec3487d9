"""The table of what came of looking at collected days: beside the rows, never over them."""

from __future__ import annotations

from sqlalchemy import Column, Date, String, Table

from headend.domain.validation import Estimate, Finding
from headend.store.columns import Json, UtcDateTime
from headend.store.schema import metadata

validated_days = Table(
    "validated_days",
    metadata,
    Column("meter", String, primary_key=True),
    Column("profile", String, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("raw_at", UtcDateTime, nullable=False),
    Column("checked_at", UtcDateTime, nullable=False),
    Column("findings", Json(tuple[Finding, ...]), nullable=False),
    Column("estimates", Json(tuple[Estimate, ...]), nullable=False),
)
