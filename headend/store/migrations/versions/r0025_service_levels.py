"""What was measured for service levels: counts by day, level and group."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, table

revision = "0025"
down_revision = "0024"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "service_level_days",
            sa.Column("day", sa.Date, primary_key=True),
            sa.Column("goal", sa.String, primary_key=True),
            sa.Column("within_s", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("by", sa.String, primary_key=True),
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("items", NUMBER, nullable=False),
            sa.Column("judged", NUMBER, nullable=False),
            sa.Column("met", NUMBER, nullable=False),
            sa.Column("apart", NUMBER, nullable=False),
            sa.Column("silent", sa.Integer, nullable=False),
            sa.Column("measured", sa.String, nullable=False),
            sa.Column("at", TIME, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
