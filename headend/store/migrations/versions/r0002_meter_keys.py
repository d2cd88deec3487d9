"""Keys of meters, sealed, with the invocation counters used under each."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, Step, Steps, index, table

revision = "0002"
down_revision = "0001"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "meter_keys",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("client", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("state", sa.String, nullable=False),
            sa.Column("counted_by", sa.Integer, nullable=False),
            sa.Column("envelope", sa.String, nullable=False),
            sa.Column("fingerprint", sa.String, nullable=False),
            sa.Column("sealed", sa.LargeBinary, nullable=False),
            sa.Column("next_counter", NUMBER),
            sa.Column("peer_counter", NUMBER, nullable=False),
        ),
        index("meter_keys_by_fingerprint", "meter_keys", "fingerprint"),
    )


upgrade, downgrade = steps.take, steps.take_back
