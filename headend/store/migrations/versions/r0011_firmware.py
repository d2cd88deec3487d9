"""Concentrators' firmware."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, table

revision = "0011"
down_revision = "0010"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "firmware_updates",
            sa.Column("concentrator", sa.String, primary_key=True),
            sa.Column("image", sa.String, primary_key=True),
            sa.Column("version", sa.String, nullable=False),
            sa.Column("activate_at", TIME, nullable=False),
            sa.Column("made_at", TIME, nullable=False),
            sa.Column("octets", sa.LargeBinary, nullable=False),
            sa.Column("progress", sa.String, nullable=False),
            sa.Column("told_at", TIME),
            sa.Column("why", sa.Text, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
