"""Passwords of meters for low level security, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meter_passwords",
        sa.Column("meter", sa.String, primary_key=True),
        sa.Column("client", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("envelope", sa.String, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
