"""What concentrators are asked to do, on demand and by schedule."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "concentrator_activities",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("concentrator", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("deadline", TIME, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("key", sa.String),
        sa.Column("task", sa.Text),
        sa.Column("sent_at", TIME),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("reason", sa.String),
        sa.Column("told", sa.Text),
    )
    table = "concentrator_activities"
    op.create_index("concentrator_activities_of", table, ["concentrator", "number"])
    op.create_index("concentrator_activities_key", table, ["key"], unique=True)
    still = sa.text("ended_at IS NULL")
    op.create_index(
        "concentrator_activities_open",
        table,
        ["number"],
        sqlite_where=still,
        postgresql_where=still,
    )
