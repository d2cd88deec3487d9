"""Keys of meters, sealed, with the invocation counters used under each."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "meter_keys",
        sa.Column("meter", sa.String, primary_key=True),
        sa.Column("client", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("counted_by", sa.Integer, nullable=False),
        sa.Column("envelope", sa.String, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("next_counter", number),
        sa.Column("peer_counter", number, nullable=False),
    )
    op.create_index("meter_keys_by_fingerprint", "meter_keys", ["fingerprint"])
