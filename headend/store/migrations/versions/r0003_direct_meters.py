"""Meters that are reached without a concentrator; reads, readings and pushes."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, columns, index, table

revision = "0003"
down_revision = "0002"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        columns(
            "meters",
            sa.Column("address", sa.String),
            sa.Column("segment", sa.String),
            sa.Column("identity", sa.String),
            sa.Column("title", sa.String),
        ),
        index("meters_by_identity", "meters", "identity", where="identity IS NOT NULL"),
        index("meters_by_title", "meters", "title", where="title IS NOT NULL"),
        index("meters_reached_directly", "meters", "model name", where="address IS NOT NULL"),
        columns(
            "orders",
            sa.Column("objects", sa.Text, nullable=False, server_default="[]"),
            sa.Column("readings", sa.Text, nullable=False, server_default="[]"),
        ),
        table(
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
        ),
        index("readings_of_meter", "readings", "meter name at"),
        table(
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
        ),
        index("pushes_of_meter", "pushes", "meter received_at"),
        index("pushes_by_digest", "pushes", "digest"),
    )


upgrade, downgrade = steps.take, steps.take_back
