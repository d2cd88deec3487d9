"""Meters that concentrators discovered."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, table

revision = "0010"
down_revision = "0009"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "discoveries",
            sa.Column("concentrator", sa.String, primary_key=True),
            sa.Column("module", sa.String, primary_key=True),
            sa.Column("at", TIME, nullable=False),
            sa.Column("identity", sa.String, nullable=False),
            sa.Column("title", sa.String, nullable=False),
            sa.Column("conforms", sa.Boolean, nullable=False),
            sa.Column("findings", sa.Text, nullable=False),
            sa.Column("admitted", sa.Boolean, nullable=False),
            sa.Column("meter", sa.String),
            sa.Column("why", sa.Text, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
