"""Who was asked for what is missing, in which waves, and what is given up."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0023"
down_revision = "0022"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "backfill_asks",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("profile", sa.String, primary_key=True),
            sa.Column("lane", sa.String),
            sa.Column("asked", sa.Integer, nullable=False),
            sa.Column("asked_at", TIME, nullable=False),
            sa.Column("next_at", TIME, nullable=False),
            sa.Column("task", sa.String, nullable=False),
            sa.Column("since", NUMBER, nullable=False),
        ),
        index("backfill_asks_of_lane", "backfill_asks", "lane"),
        table(
            "backfill_given_up",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("profile", sa.String, primary_key=True),
            sa.Column("day", sa.Date, primary_key=True),
            sa.Column("at", TIME, nullable=False),
            sa.Column("reason", sa.String, nullable=False),
            sa.Column("intervals", sa.Integer, nullable=False),
        ),
        table(
            "backfill_waves",
            sa.Column("lane", sa.String, primary_key=True),
            sa.Column("number", sa.Integer, nullable=False),
            sa.Column("day", sa.Date, nullable=False),
            sa.Column("asks", sa.Integer, nullable=False),
            sa.Column("ends_at", TIME, nullable=False),
            sa.Column("tasks", sa.Text, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
