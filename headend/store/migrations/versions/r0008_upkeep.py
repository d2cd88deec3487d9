"""How concentrators fare: their last word, their clocks, keep-alives by the hour."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "concentrator_states",
        sa.Column("concentrator", sa.String, primary_key=True),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "concentrator_clocks",
        sa.Column("concentrator", sa.String, primary_key=True),
        sa.Column("at", TIME, primary_key=True),
        sa.Column("offset_s", sa.Float, nullable=False),
        sa.Column("error_s", sa.Float, nullable=False),
        sa.Column("shifted_s", sa.Float, nullable=False),
    )
    op.create_table(
        "hours_heard",
        sa.Column("concentrator", sa.String, primary_key=True),
        sa.Column("hour", TIME, primary_key=True),
        sa.Column("meter", sa.String, primary_key=True),
        sa.Column("heard", sa.Integer, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
    )
