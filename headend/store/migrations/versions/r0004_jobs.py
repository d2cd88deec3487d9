"""Jobs: devices, packages, the orders and counters in their hands, conflicts."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0004"
down_revision = "0003"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "job_devices",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("title", sa.String, nullable=False, unique=True),
            sa.Column("card", sa.LargeBinary, nullable=False),
            sa.Column("enrolled_at", TIME, nullable=False),
        ),
        table(
            "job_signing",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("envelope", sa.String, nullable=False),
            sa.Column("sealed", sa.LargeBinary, nullable=False),
        ),
        table(
            "jobs",
            sa.Column("id", sa.String, primary_key=True),
            sa.Column("device", sa.String, sa.ForeignKey("job_devices.name"), nullable=False),
            sa.Column("made_at", TIME, nullable=False),
            sa.Column("not_before", TIME, nullable=False),
            sa.Column("expires_at", TIME, nullable=False),
            sa.Column("authorisation", sa.String, nullable=False),
            sa.Column("package", sa.LargeBinary, nullable=False),
            sa.Column("state", sa.String, nullable=False),
            sa.Column("taken", sa.Integer, nullable=False),
            sa.Column("taken_digest", sa.String),
            sa.Column("ended_at", TIME),
            sa.Column("why", sa.Text, nullable=False),
        ),
        index("jobs_of_device", "jobs", "device made_at"),
        table(
            "job_leases",
            sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("client", sa.Integer, nullable=False),
            sa.Column("generation", sa.Integer, nullable=False),
            sa.Column("first", NUMBER, nullable=False),
            sa.Column("end", NUMBER, nullable=False),
            sa.Column("next_own", NUMBER),
        ),
        index("job_leases_of_meter", "job_leases", "meter"),
        table(
            "job_orders",
            sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
            sa.Column("number", NUMBER, sa.ForeignKey("orders.number"), primary_key=True),
            sa.Column("meter", sa.String, nullable=False),
            sa.Column("not_before", TIME, nullable=False),
            sa.Column("not_after", TIME, nullable=False),
            sa.Column("amount", sa.String),
            sa.Column("unit", sa.String),
            sa.Column("attempt", sa.Integer),
            sa.Column("settled", sa.Boolean, nullable=False),
        ),
        index("job_orders_of_order", "job_orders", "number"),
        table(
            "job_conflicts",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), nullable=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("clash", sa.String, nullable=False),
            sa.Column("meter", sa.String, nullable=False),
            sa.Column("text", sa.Text, nullable=False),
            sa.Column("next_step", sa.Text, nullable=False),
            sa.Column("order", NUMBER),
        ),
        index("job_conflicts_of_job", "job_conflicts", "job"),
    )


upgrade, downgrade = steps.take, steps.take_back
