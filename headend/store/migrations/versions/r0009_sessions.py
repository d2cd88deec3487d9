"""When concentrators came on line and went off it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "concentrator_sessions",
        sa.Column("concentrator", sa.String, primary_key=True),
        sa.Column("at", TIME, primary_key=True),
        sa.Column("online", sa.Boolean, nullable=False),
        sa.Column("boot", sa.Integer, nullable=False),
        sa.Column("firmware", sa.String, nullable=False),
    )
