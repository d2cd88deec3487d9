"""Days rolled up: each channel by the day and by the hour."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, table

revision = "0028"
down_revision = "0027"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "rolled_days",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("profile", sa.String, primary_key=True),
            sa.Column("day", sa.Date, primary_key=True),
            sa.Column("raw_at", TIME, nullable=False),
            sa.Column("expected", sa.Integer, nullable=False),
            sa.Column("received", sa.Integer, nullable=False),
            sa.Column("late", sa.Integer, nullable=False),
            sa.Column("changed", sa.Integer, nullable=False),
            sa.Column("quality", sa.Integer, nullable=False),
            sa.Column("status", sa.BigInteger, nullable=False),
            sa.Column("channels", sa.Text, nullable=False),
            sa.Column("hours", sa.LargeBinary, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
