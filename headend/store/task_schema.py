"""The tables of scheduled tasks, their runs and the runs' logs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from headend.domain.task import CatchUp, RunState, Schedule, Told
from headend.store.columns import EnumText, Json, UtcDateTime
from headend.store.schema import Number, metadata

tasks = Table(
    "tasks",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("parameters", Json(dict[str, Any]), nullable=False),
    Column("schedule", Json(Schedule), nullable=False),
    Column("catch_up", EnumText(CatchUp), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("made_by", String, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("due_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("lease_owner", String),
    Column("lease_until", UtcDateTime),
)

task_runs = Table(
    "task_runs",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("task", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("ready_at", UtcDateTime, nullable=False),
    Column("key", String),
    Column("state", EnumText(RunState), nullable=False),
    Column("missed", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("worker", String),
    Column("began_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("step", String, nullable=False),
    Column("steps_done", Integer, nullable=False),
    Column("steps_all", Integer, nullable=False),
    Column("told", Json(Told)),
    Column("code", String),
    Column("trouble", Text),
    Index("task_runs_key", "key", unique=True),
    Index("task_runs_of", "task", "number"),
)
_UNENDED = task_runs.c.ended_at.is_(None)
Index("task_runs_open", task_runs.c.ready_at, sqlite_where=_UNENDED, postgresql_where=_UNENDED)

task_lines = Table(
    "task_lines",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("run", Number, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("text", Text, nullable=False),
    Index("task_lines_of", "run", "number"),
)
