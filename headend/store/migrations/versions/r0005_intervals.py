"""Load profiles, one row for a meter and an interval."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, Step, Steps, table

revision = "0005"
down_revision = "0004"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "intervals",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("at", NUMBER, primary_key=True, autoincrement=False),
            sa.Column("status", sa.Integer, nullable=False),
            sa.Column("active_import", NUMBER),
            sa.Column("active_export", NUMBER),
            sa.Column("reactive_import", NUMBER),
            sa.Column("reactive_export", NUMBER),
            sa.Column("voltage_l1", sa.Integer),
            sa.Column("voltage_l2", sa.Integer),
            sa.Column("voltage_l3", sa.Integer),
            sa.Column("power_factor", sa.Integer),
            sqlite_with_rowid=False,
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
