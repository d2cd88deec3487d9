"""The phase that the utility's records give a meter."""

import sqlalchemy as sa

from headend.store.migrations.steps import Step, Steps, columns

revision = "0012"
down_revision = "0011"


@Steps
def steps() -> tuple[Step, ...]:
    return (columns("meters", sa.Column("recorded_phase", sa.String)),)


upgrade, downgrade = steps.take, steps.take_back
