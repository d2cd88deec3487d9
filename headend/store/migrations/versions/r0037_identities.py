"""Whose account it is at the utility's identity provider."""

import sqlalchemy as sa

from headend.store.migrations.steps import Step, Steps, columns, index

revision = "0037"
down_revision = "0036"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        columns("accounts", sa.Column("issuer", sa.String), sa.Column("subject", sa.String)),
        index("accounts_of_identity", "accounts", "issuer subject", unique=True),
    )


upgrade, downgrade = steps.take, steps.take_back
