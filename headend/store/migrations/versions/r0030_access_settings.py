"""Whether commands ask for an account, kept with the accounts themselves."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, table

revision = "0030"
down_revision = "0029"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "access_settings",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("value", sa.String, nullable=False),
            sa.Column("set_at", TIME, nullable=False),
            sa.Column("set_by", sa.String, nullable=False),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
