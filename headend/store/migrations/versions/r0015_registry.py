"""Meters' lives, the places where they hang, and receipts of shipments."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("meters", sa.Column("stage", sa.String))
    op.create_table(
        "meter_life",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("meter", sa.String, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("was", sa.String),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("meter_life_of_meter", "meter_life", ["meter", "line"])
    op.create_table(
        "meter_checks",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("meter", sa.String, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("expected", sa.Text),
        sa.Column("found", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("who", sa.String, nullable=False),
    )
    op.create_index("meter_checks_of_meter", "meter_checks", ["meter", "line"])
    op.create_table(
        "places",
        sa.Column("code", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("parent", sa.String),
        sa.Column("name", sa.String, nullable=False),
    )
    op.create_index("places_of_parent", "places", ["parent", "code"])
    _installations()
    op.create_table(
        "shipments",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String, nullable=False, unique=True),
        sa.Column("file", sa.String, nullable=False),
        sa.Column("taken_at", TIME, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in COUNTS),
    )


COUNTS = ("meters", "entered", "changed", "unchanged", "keys_new", "keys_kept")


def _installations() -> None:
    op.create_table(
        "installations",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("meter", sa.String, nullable=False),
        sa.Column("service_point", sa.String, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME),
        sa.Column("first_read", sa.Text),
        sa.Column("last_read", sa.Text),
    )
    for name, column in (
        ("installations_of_meter", "meter"),
        ("installations_of_service_point", "service_point"),
    ):
        op.create_index(name, "installations", [column, "line"])
    opened = sa.column("until").is_(None)
    for name, column in (
        ("installations_meter_once", "meter"),
        ("installations_place_once", "service_point"),
    ):
        op.create_index(
            name,
            "installations",
            [column],
            unique=True,
            sqlite_where=opened,
            postgresql_where=opened,
        )
