"""Meters that concentrators discovered."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
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
    )
