"""A head-end that came back from a backup: its counters, its orders, and results of lost ones."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, table

revision = "0022"
down_revision = "0021"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "restorations",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
            sa.Column("backup", sa.String, nullable=False),
            sa.Column("consistent_at", TIME, nullable=False),
            sa.Column("restored_at", TIME, nullable=False),
            sa.Column("restored_by", sa.String, nullable=False),
            sa.Column("standing", sa.String, nullable=False),
            sa.Column("order_before", NUMBER, nullable=False),
            sa.Column("order_after", NUMBER, nullable=False),
            sa.Column("keys_found", sa.Integer, nullable=False),
            sa.Column("resumed_at", TIME),
            sa.Column("resumed_by", sa.String),
        ),
        table(
            "restored_keys",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("client", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("before", NUMBER),
            sa.Column("least", NUMBER, nullable=False),
            sa.Column("standing", sa.String, nullable=False),
            sa.Column("told", sa.Text, nullable=False),
            sa.Column("asked_at", TIME),
        ),
        table(
            "restored_orders",
            sa.Column("order", NUMBER, primary_key=True, autoincrement=False),
            sa.Column("commanded", sa.Integer, nullable=False),
        ),
        table(
            "stray_results",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("concentrator", sa.String, nullable=False),
            sa.Column("order", NUMBER, nullable=False),
            sa.Column("attempt", sa.Integer, nullable=False),
            sa.Column("meter", sa.String, nullable=False),
            sa.Column("action", sa.String, nullable=False),
            sa.Column("status", sa.String, nullable=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("received_at", TIME, nullable=False),
            sa.Column("octets", sa.LargeBinary, nullable=False),
            sa.UniqueConstraint("concentrator", "order", "attempt", name="stray_results_once"),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
