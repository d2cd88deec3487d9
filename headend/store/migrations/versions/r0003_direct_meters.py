"""Meters that are reached without a concentrator; reads, readings and pushes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    for name in ("address", "segment", "identity", "title"):
        op.add_column("meters", sa.Column(name, sa.String))
    _partial("meters_by_identity", "meters", "identity", sa.column("identity").is_not(None))
    _partial("meters_by_title", "meters", "title", sa.column("title").is_not(None))
    _partial("meters_reached_directly", "meters", "model name", sa.column("address").is_not(None))
    for name in ("objects", "readings"):
        op.add_column("orders", sa.Column(name, sa.Text, nullable=False, server_default="[]"))
    op.create_table(
        "readings",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("meter", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("attribute", sa.Integer, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("word", sa.String, nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("unit", sa.String),
        sa.Column("error", sa.String),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("quality", sa.Text, nullable=False),
    )
    op.create_index("readings_of_meter", "readings", ["meter", "name", "at"])
    op.create_table(
        "pushes",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("meter", sa.String),
        sa.Column("came_from", sa.String, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("sent_at", TIME),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("wire", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("plain", sa.LargeBinary),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("quality", sa.Text, nullable=False),
    )
    op.create_index("pushes_of_meter", "pushes", ["meter", "received_at"])
    op.create_index("pushes_by_digest", "pushes", ["digest"])


def _partial(name: str, table: str, columns: str, where: sa.ColumnElement[bool]) -> None:
    op.create_index(name, table, columns.split(), sqlite_where=where, postgresql_where=where)
