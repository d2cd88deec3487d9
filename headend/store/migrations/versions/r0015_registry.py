"""Meters' lives, the places where they hang, and receipts of shipments."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, columns, index, table

revision = "0015"
down_revision = "0014"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        columns("meters", sa.Column("stage", sa.String)),
        table(
            "meter_life",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("meter", sa.String, nullable=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("step", sa.String, nullable=False),
            sa.Column("was", sa.String),
            sa.Column("stage", sa.String, nullable=False),
            sa.Column("who", sa.String, nullable=False),
            sa.Column("why", sa.Text, nullable=False),
        ),
        index("meter_life_of_meter", "meter_life", "meter line"),
        table(
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
        ),
        index("meter_checks_of_meter", "meter_checks", "meter line"),
        table(
            "places",
            sa.Column("code", sa.String, primary_key=True),
            sa.Column("kind", sa.String, nullable=False),
            sa.Column("parent", sa.String),
            sa.Column("name", sa.String, nullable=False),
        ),
        index("places_of_parent", "places", "parent code"),
        table(
            "installations",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("meter", sa.String, nullable=False),
            sa.Column("service_point", sa.String, nullable=False),
            sa.Column("since", TIME, nullable=False),
            sa.Column("until", TIME),
            sa.Column("first_read", sa.Text),
            sa.Column("last_read", sa.Text),
        ),
        index("installations_of_meter", "installations", "meter line"),
        index("installations_of_service_point", "installations", "service_point line"),
        index(
            "installations_meter_once", "installations", "meter", where="until IS NULL", unique=True
        ),
        index(
            "installations_place_once",
            "installations",
            "service_point",
            where="until IS NULL",
            unique=True,
        ),
        table(
            "shipments",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
            sa.Column("digest", sa.String, nullable=False, unique=True),
            sa.Column("file", sa.String, nullable=False),
            sa.Column("taken_at", TIME, nullable=False),
            sa.Column("who", sa.String, nullable=False),
            sa.Column("meters", sa.Integer, nullable=False),
            sa.Column("entered", sa.Integer, nullable=False),
            sa.Column("changed", sa.Integer, nullable=False),
            sa.Column("unchanged", sa.Integer, nullable=False),
            sa.Column("keys_new", sa.Integer, nullable=False),
            sa.Column("keys_kept", sa.Integer, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
