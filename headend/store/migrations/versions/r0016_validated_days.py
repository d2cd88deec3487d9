"""What was found odd in collected days, and estimates for what they lack."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, table

revision = "0016"
down_revision = "0015"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "validated_days",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("profile", sa.String, primary_key=True),
            sa.Column("day", sa.Date, primary_key=True),
            sa.Column("raw_at", TIME, nullable=False),
            sa.Column("checked_at", TIME, nullable=False),
            sa.Column("findings", sa.Text, nullable=False),
            sa.Column("estimates", sa.Text, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
