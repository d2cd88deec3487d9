"""When concentrators came on line and went off it."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, table

revision = "0009"
down_revision = "0008"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "concentrator_sessions",
            sa.Column("concentrator", sa.String, primary_key=True),
            sa.Column("at", TIME, primary_key=True),
            sa.Column("online", sa.Boolean, nullable=False),
            sa.Column("boot", sa.Integer, nullable=False),
            sa.Column("firmware", sa.String, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
