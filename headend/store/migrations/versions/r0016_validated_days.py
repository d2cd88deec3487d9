"""What was found odd in collected days, and estimates for what they lack."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "validated_days",
        sa.Column("meter", sa.String, primary_key=True),
        sa.Column("profile", sa.String, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("raw_at", TIME, nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("estimates", sa.Text, nullable=False),
    )
