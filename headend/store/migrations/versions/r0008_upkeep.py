"""How concentrators fare: their last word, their clocks, keep-alives by the hour."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, table

revision = "0008"
down_revision = "0007"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "concentrator_states",
            sa.Column("concentrator", sa.String, primary_key=True),
            sa.Column("received_at", TIME, nullable=False),
            sa.Column("state", sa.Text, nullable=False),
        ),
        table(
            "concentrator_clocks",
            sa.Column("concentrator", sa.String, primary_key=True),
            sa.Column("at", TIME, primary_key=True),
            sa.Column("offset_s", sa.Float, nullable=False),
            sa.Column("error_s", sa.Float, nullable=False),
            sa.Column("shifted_s", sa.Float, nullable=False),
        ),
        table(
            "hours_heard",
            sa.Column("concentrator", sa.String, primary_key=True),
            sa.Column("hour", TIME, primary_key=True),
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("heard", sa.Integer, nullable=False),
            sa.Column("asked", sa.Integer, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
