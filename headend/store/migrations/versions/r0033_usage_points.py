"""Usage points: what is supplied at service points; and what other systems tell of devices."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, index, table

revision = "0033"
down_revision = "0032"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "usage_points",
            sa.Column("code", sa.String, primary_key=True),
            sa.Column("contracted_w", sa.String),
            sa.Column("phase_code", sa.String),
            sa.Column("related", sa.Text, nullable=False),
            sa.Column("retired_at", TIME),
        ),
        table(
            "particulars",
            sa.Column("kind", sa.String, primary_key=True),
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("told", sa.Text, nullable=False),
            sa.Column("mrid", sa.String),
            sa.Column("at", TIME, nullable=False),
            sa.Column("who", sa.String, nullable=False),
        ),
        index("particulars_by_mrid", "particulars", "kind mrid", unique=True),
    )


upgrade, downgrade = steps.take, steps.take_back
