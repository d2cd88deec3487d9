"""What concentrators are asked to do, on demand and by schedule."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0027"
down_revision = "0026"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "concentrator_activities",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("concentrator", sa.String, nullable=False),
            sa.Column("kind", sa.String, nullable=False),
            sa.Column("asked_by", sa.String, nullable=False),
            sa.Column("asked_at", TIME, nullable=False),
            sa.Column("deadline", TIME, nullable=False),
            sa.Column("state", sa.String, nullable=False),
            sa.Column("key", sa.String),
            sa.Column("task", sa.Text),
            sa.Column("sent_at", TIME),
            sa.Column("tries", sa.Integer, nullable=False),
            sa.Column("ended_at", TIME),
            sa.Column("reason", sa.String),
            sa.Column("told", sa.Text),
        ),
        index("concentrator_activities_of", "concentrator_activities", "concentrator number"),
        index("concentrator_activities_key", "concentrator_activities", "key", unique=True),
        index(
            "concentrator_activities_open",
            "concentrator_activities",
            "number",
            where="ended_at IS NULL",
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
