"""Key pairs of clients and public keys of meters, suites 1 and 2, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meter_key_pairs",
        sa.Column("meter", sa.String, primary_key=True),
        sa.Column("client", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("envelope", sa.String, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
