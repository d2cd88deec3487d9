"""The tables of back-fill: who was asked for what is missing, and what nobody asks for any more."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, String, Table

from headend.domain.backfill import GivenUpFor
from headend.store.columns import EnumText, Json, UtcDateTime
from headend.store.schema import Number, metadata
from protocols.concentrator.collecting import Task

asks = Table(
    "backfill_asks",
    metadata,
    Column("meter", String, primary_key=True),
    Column("profile", String, primary_key=True),
    Column("lane", String),
    Column("asked", Integer, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("task", String, nullable=False),
    Column("since", Number, nullable=False),
    Index("backfill_asks_of_lane", "lane"),
)

given_up = Table(
    "backfill_given_up",
    metadata,
    Column("meter", String, primary_key=True),
    Column("profile", String, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("reason", EnumText(GivenUpFor), nullable=False),
    Column("intervals", Integer, nullable=False),
)

waves = Table(
    "backfill_waves",
    metadata,
    Column("lane", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("day", Date, nullable=False),
    Column("asks", Integer, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("tasks", Json(tuple[Task, ...]), nullable=False),
)
