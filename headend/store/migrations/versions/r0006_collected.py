"""What concentrators collect: task tables, blocks, layouts, rows by the day, uploads."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0006"
down_revision = "0005"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "task_tables",
            sa.Column("concentrator", sa.String, primary_key=True),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("tasks", sa.Text, nullable=False),
            sa.Column("made_at", TIME, nullable=False),
            sa.Column("stored_version", sa.Integer, nullable=False),
            sa.Column("stored_at", TIME),
        ),
        table(
            "layouts",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("digest", sa.String, nullable=False, unique=True),
            sa.Column("layout", sa.Text, nullable=False),
        ),
        table(
            "collected_blocks",
            sa.Column("source", sa.String, primary_key=True),
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("task", sa.String, primary_key=True),
            sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("read_at", TIME, primary_key=True),
            sa.Column("received_at", TIME, nullable=False),
            sa.Column("layout", NUMBER),
            sa.Column("rows", sa.Integer, nullable=False),
            sa.Column("octets", sa.LargeBinary, nullable=False),
            sa.Column("trouble", sa.Text, nullable=False),
        ),
        index("collected_blocks_of_meter", "collected_blocks", "meter received_at"),
        table(
            "interval_days",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("profile", sa.String, primary_key=True),
            sa.Column("day", sa.Date, primary_key=True),
            sa.Column("expected", sa.Integer, nullable=False),
            sa.Column("received", sa.Integer, nullable=False),
            sa.Column("late", sa.Integer, nullable=False),
            sa.Column("changed", sa.Integer, nullable=False),
            sa.Column("updated_at", TIME, nullable=False),
            sa.Column("rows", sa.LargeBinary, nullable=False),
        ),
        index("interval_days_by_day", "interval_days", "profile day"),
        table(
            "uploads",
            sa.Column("concentrator", sa.String, primary_key=True),
            sa.Column("id", sa.String, primary_key=True),
            sa.Column("received_at", TIME, nullable=False),
            sa.Column("octets", sa.Integer, nullable=False),
            sa.Column("blocks", sa.Integer, nullable=False),
            sa.Column("waiting", sa.Integer, nullable=False),
            sa.Column("dropped", sa.Integer, nullable=False),
            sa.Column("new", sa.Integer, nullable=False),
            sa.Column("again", sa.Integer, nullable=False),
            sa.Column("changed", sa.Integer, nullable=False),
            sa.Column("trouble", sa.Text, nullable=False),
        ),
        index("uploads_by_time", "uploads", "concentrator received_at"),
    )


upgrade, downgrade = steps.take, steps.take_back
