"""Concentrators' firmware."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "firmware_updates",
        sa.Column("concentrator", sa.String, primary_key=True),
        sa.Column("image", sa.String, primary_key=True),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("activate_at", TIME, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
        sa.Column("progress", sa.String, nullable=False),
        sa.Column("told_at", TIME),
        sa.Column("why", sa.Text, nullable=False),
    )
