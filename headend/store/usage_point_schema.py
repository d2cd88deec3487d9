"""The tables of usage points, and of what other systems tell of devices and points."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from headend.domain.usage_point import Told
from headend.store.columns import EnumText, ExactDecimal, Json, UtcDateTime
from headend.store.schema import metadata

usage_points = Table(
    "usage_points",
    metadata,
    Column("code", String, primary_key=True),
    Column("contracted_w", ExactDecimal),
    Column("phase_code", String),
    Column("related", Json(dict[str, str]), nullable=False),
    Column("retired_at", UtcDateTime),
)

particulars = Table(
    "particulars",
    metadata,
    Column("kind", EnumText(Told), primary_key=True),
    Column("name", String, primary_key=True),
    Column("told", Text, nullable=False),
    Column("mrid", String),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String, nullable=False),
    Index("particulars_by_mrid", "kind", "mrid", unique=True),
)
