"""What is left of days whose rows have gone, and since when each table is kept."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, table

revision = "0029"
down_revision = "0028"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "past_days",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("profile", sa.String, primary_key=True),
            sa.Column("day", sa.Date, primary_key=True),
            sa.Column("expected", sa.Integer, nullable=False),
            sa.Column("received", sa.Integer, nullable=False),
            sa.Column("late", sa.Integer, nullable=False),
            sa.Column("changed", sa.Integer, nullable=False),
        ),
        table(
            "kept_since",
            sa.Column("table", sa.String, primary_key=True),
            sa.Column("kept_since", sa.Date),
            sa.Column("gone", NUMBER, nullable=False),
            sa.Column("held", NUMBER, nullable=False),
            sa.Column("at", TIME, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
