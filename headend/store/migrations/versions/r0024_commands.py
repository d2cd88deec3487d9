"""Clocks, calendars and armed supplies: what orders want of them, and how clocks stood."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("orders", sa.Column("clock", sa.Text))
    op.add_column("orders", sa.Column("tariff", sa.Text))
    op.add_column(
        "orders", sa.Column("until_pressed", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.create_table(
        "meter_clocks",
        sa.Column("meter", sa.String, primary_key=True),
        sa.Column("at", TIME, primary_key=True),
        sa.Column("order", NUMBER, nullable=False),
        sa.Column("before_s", sa.Float),
        sa.Column("error_s", sa.Float, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("moved_s", sa.Float, nullable=False),
        sa.Column("after_s", sa.Float),
        sa.Column("after_error_s", sa.Float),
    )
