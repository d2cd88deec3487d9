"""What the legacy integration database has not been told yet."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, Step, Steps, index, rows, table

revision = "0026"
down_revision = "0025"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "owed",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("kind", sa.String, nullable=False),
            sa.Column("device", sa.String, nullable=False),
            sa.Column("profile", sa.String, nullable=False),
            sa.Column("moment", sa.String, nullable=False),
            sa.Column("trouble", sa.Text),
            sa.UniqueConstraint("kind", "device", "profile", "moment", name="owed_once"),
        ),
        index("owed_due", "owed", "line", where="trouble IS NULL"),
        rows("change_marks", "name", {"name": "owing", "position": 0}),
    )


upgrade, downgrade = steps.take, steps.take_back
