"""Sessions of people at the pages, and passwords that serve once."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, columns, table

revision = "0034"
down_revision = "0033"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        columns(
            "accounts",
            sa.Column("one_time", sa.Boolean, nullable=False, server_default=sa.false()),
        ),
        table(
            "web_sessions",
            sa.Column("digest", sa.String, primary_key=True),
            sa.Column("account", sa.String, nullable=False),
            sa.Column("made_at", TIME, nullable=False),
            sa.Column("seen_at", TIME, nullable=False),
            sa.Column("source", sa.String, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
