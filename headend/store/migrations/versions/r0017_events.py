"""Events, the incidents they make, acknowledgements, and what status words were."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0017"
down_revision = "0016"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "events",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("device", sa.String, nullable=False),
            sa.Column("name", sa.String, nullable=False),
            sa.Column("severity", sa.String, nullable=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("received_at", TIME, nullable=False),
            sa.Column("sources", sa.Text, nullable=False),
            sa.Column("code", sa.Integer),
            sa.Column("place", sa.String),
            sa.Column("kind", sa.String),
            sa.Column("incident", NUMBER),
            sa.UniqueConstraint("device", "name", "at", name="events_once"),
        ),
        index("events_by_time", "events", "at"),
        index("events_at_place", "events", "place kind at"),
        index("events_of_incident", "events", "incident"),
        table(
            "incidents",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("kind", sa.String, nullable=False),
            sa.Column("place", sa.String, nullable=False),
            sa.Column("began_at", TIME, nullable=False),
            sa.Column("updated_at", TIME, nullable=False),
            sa.Column("ended_at", TIME),
            sa.Column("members", sa.Integer, nullable=False),
            sa.Column("without", sa.Integer, nullable=False),
            sa.Column("merged_into", NUMBER),
        ),
        index("incidents_by_time", "incidents", "began_at"),
        table(
            "acknowledgements",
            sa.Column("subject", sa.String, primary_key=True),
            sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("who", sa.String, nullable=False),
            sa.Column("note", sa.Text, nullable=False),
        ),
        table(
            "status_words",
            sa.Column("device", sa.String, primary_key=True),
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("at", TIME, primary_key=True),
            sa.Column("value", sa.BigInteger, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
