"""Scheduled tasks, their runs, and what the runs wrote down."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0035"
down_revision = "0034"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "tasks",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("kind", sa.String, nullable=False),
            sa.Column("parameters", sa.Text, nullable=False),
            sa.Column("schedule", sa.Text, nullable=False),
            sa.Column("catch_up", sa.String, nullable=False),
            sa.Column("made_at", TIME, nullable=False),
            sa.Column("made_by", sa.String, nullable=False),
            sa.Column("changed_at", TIME, nullable=False),
            sa.Column("changed_by", sa.String, nullable=False),
            sa.Column("active", sa.Boolean, nullable=False),
            sa.Column("paused", sa.Boolean, nullable=False),
            sa.Column("due_at", TIME),
            sa.Column("deleted_at", TIME),
            sa.Column("lease_owner", sa.String),
            sa.Column("lease_until", TIME),
        ),
        table(
            "task_runs",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("task", sa.String, nullable=False),
            sa.Column("kind", sa.String, nullable=False),
            sa.Column("due_at", TIME, nullable=False),
            sa.Column("asked_by", sa.String, nullable=False),
            sa.Column("asked_at", TIME, nullable=False),
            sa.Column("ready_at", TIME, nullable=False),
            sa.Column("key", sa.String),
            sa.Column("state", sa.String, nullable=False),
            sa.Column("missed", sa.Integer, nullable=False),
            sa.Column("tries", sa.Integer, nullable=False),
            sa.Column("worker", sa.String),
            sa.Column("began_at", TIME),
            sa.Column("ended_at", TIME),
            sa.Column("step", sa.String, nullable=False),
            sa.Column("steps_done", sa.Integer, nullable=False),
            sa.Column("steps_all", sa.Integer, nullable=False),
            sa.Column("told", sa.Text),
            sa.Column("code", sa.String),
            sa.Column("trouble", sa.Text),
        ),
        index("task_runs_key", "task_runs", "key", unique=True),
        index("task_runs_of", "task_runs", "task number"),
        index("task_runs_open", "task_runs", "ready_at", where="ended_at IS NULL"),
        table(
            "task_lines",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("run", NUMBER, nullable=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("text", sa.Text, nullable=False),
        ),
        index("task_lines_of", "task_lines", "run number"),
    )


upgrade, downgrade = steps.take, steps.take_back
