"""Passwords of meters for low level security, sealed."""

import sqlalchemy as sa

from headend.store.migrations.steps import Step, Steps, table

revision = "0007"
down_revision = "0006"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "meter_passwords",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("client", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("envelope", sa.String, nullable=False),
            sa.Column("sealed", sa.LargeBinary, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
