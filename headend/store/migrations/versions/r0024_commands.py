"""Clocks, calendars and armed supplies: what orders want of them, and how clocks stood."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, columns, table

revision = "0024"
down_revision = "0023"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        columns(
            "orders",
            sa.Column("clock", sa.Text),
            sa.Column("tariff", sa.Text),
            sa.Column("until_pressed", sa.Boolean, nullable=False, server_default=sa.false()),
        ),
        table(
            "meter_clocks",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("at", TIME, primary_key=True),
            sa.Column("order", NUMBER, nullable=False),
            sa.Column("before_s", sa.Float),
            sa.Column("error_s", sa.Float, nullable=False),
            sa.Column("by", sa.String, nullable=False),
            sa.Column("moved_s", sa.Float, nullable=False),
            sa.Column("after_s", sa.Float),
            sa.Column("after_error_s", sa.Float),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
