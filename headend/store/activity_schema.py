"""The table of what concentrators are asked to do."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from headend.domain.activity import ActivityKind, ActivityState, Told
from headend.domain.reason import ReasonCode
from headend.store.columns import EnumText, Json, UtcDateTime
from headend.store.schema import Number, metadata
from protocols.concentrator.collecting import Task

activities = Table(
    "concentrator_activities",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("concentrator", String, nullable=False),
    Column("kind", EnumText(ActivityKind), nullable=False),
    Column("asked_by", String, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("deadline", UtcDateTime, nullable=False),
    Column("state", EnumText(ActivityState), nullable=False),
    Column("key", String),
    Column("task", Json(Task)),
    Column("sent_at", UtcDateTime),
    Column("tries", Integer, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("reason", EnumText(ReasonCode)),
    Column("told", Json(Told)),
    Index("concentrator_activities_of", "concentrator", "number"),
    Index("concentrator_activities_key", "key", unique=True),
)
_OPEN = activities.c.ended_at.is_(None)
Index(
    "concentrator_activities_open", activities.c.number, sqlite_where=_OPEN, postgresql_where=_OPEN
)
