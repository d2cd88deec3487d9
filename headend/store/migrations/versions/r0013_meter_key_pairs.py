"""Key pairs of clients and public keys of meters, suites 1 and 2, sealed."""

import sqlalchemy as sa

from headend.store.migrations.steps import Step, Steps, table

revision = "0013"
down_revision = "0012"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "meter_key_pairs",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("client", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("envelope", sa.String, nullable=False),
            sa.Column("sealed", sa.LargeBinary, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
