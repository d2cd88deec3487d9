"""Registry, commercial messages, orders with journal and attempts, outbox."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0001"
down_revision = None


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "meters",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("concentrator", sa.String),
            sa.Column("commissioned", sa.Boolean, nullable=False),
            sa.Column("blocked", sa.Boolean, nullable=False),
            sa.Column("contracted_w", sa.String),
            sa.Column("model", sa.String, nullable=False),
        ),
        index("meters_of_concentrator", "meters", "concentrator name"),
        table(
            "concentrators",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("sim", sa.String),
        ),
        table(
            "concentrator_evidence",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("concentrator", sa.String, nullable=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("source", sa.String, nullable=False),
            sa.Column("text", sa.Text, nullable=False),
            sa.Column("suggests", sa.String),
            sa.UniqueConstraint(
                "concentrator", "at", "source", "text", name="concentrator_evidence_once"
            ),
        ),
        table(
            "inbound_messages",
            sa.Column("transaction_id", sa.String, primary_key=True),
            sa.Column("source", sa.String, nullable=False),
            sa.Column("message_id", sa.String),
            sa.Column("digest", sa.String, nullable=False),
            sa.Column("received_at", TIME, nullable=False),
            sa.Column("request", sa.LargeBinary, nullable=False),
            sa.Column("answer", sa.LargeBinary),
            sa.UniqueConstraint("source", "message_id", name="inbound_messages_once"),
        ),
        table(
            "orders",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
            sa.Column("transaction_id", sa.String, nullable=False),
            sa.Column("source", sa.String, nullable=False),
            sa.Column("meter", sa.String, nullable=False),
            sa.Column("kind", sa.String, nullable=False),
            sa.Column("accepted_at", TIME, nullable=False),
            sa.Column("ready_at", TIME, nullable=False),
            sa.Column("not_before", TIME, nullable=False),
            sa.Column("deadline", TIME, nullable=False),
            sa.Column("state", sa.String, nullable=False),
            sa.Column("priority", sa.Integer, nullable=False),
            sa.Column("message_id", sa.String),
            sa.Column("correlation_id", sa.String),
            sa.Column("reply_address", sa.String),
            sa.Column("noun", sa.String, nullable=False),
            sa.Column("generic", sa.Boolean, nullable=False),
            sa.Column("amount", sa.String),
            sa.Column("unit", sa.String),
            sa.Column("until", TIME),
            sa.Column("any_day", sa.Boolean, nullable=False),
            sa.Column("concentrator", sa.String),
            sa.Column("attempts", sa.Integer, nullable=False),
            sa.Column("tries", sa.Integer, nullable=False),
            sa.Column("commanded", sa.Integer, nullable=False),
            sa.Column("not_after", TIME),
            sa.Column("reason", sa.String),
            sa.Column("value_read", sa.Text),
            sa.Column("evidence", sa.Text, nullable=False),
            sa.Column("ended_at", TIME),
            sa.Column("verify_at", TIME),
            sa.Column("restores", NUMBER),
            sa.Column("unfinished", sa.Boolean, nullable=False),
            sa.Column("due_at", TIME),
            sa.Column("lease_owner", sa.String),
            sa.Column("lease_until", TIME),
            sa.Column("breakages", sa.Integer, nullable=False, server_default="0"),
        ),
        index(
            "orders_to_claim",
            "orders",
            "concentrator priority number due_at",
            where="due_at IS NOT NULL",
        ),
        index(
            "orders_by_due", "orders", "concentrator due_at unfinished", where="due_at IS NOT NULL"
        ),
        index("orders_in_the_way", "orders", "meter number", where="due_at IS NOT NULL"),
        index(
            "orders_leased", "orders", "lease_owner lease_until", where="lease_owner IS NOT NULL"
        ),
        index("orders_of_meter", "orders", "meter number"),
        index("orders_of_transaction", "orders", "transaction_id"),
        index(
            "orders_of_correlation", "orders", "correlation_id", where="correlation_id IS NOT NULL"
        ),
        index("orders_ended", "orders", "concentrator ended_at", where="ended_at IS NOT NULL"),
        index("orders_of_state", "orders", "state number"),
        table(
            "journal",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("order", NUMBER, sa.ForeignKey("orders.number"), nullable=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("state", sa.String, nullable=False),
            sa.Column("cause", sa.Text, nullable=False),
            sa.Column("attempt", sa.Integer),
        ),
        index("journal_of_order", "journal", "order"),
        table(
            "attempts",
            sa.Column("order", NUMBER, sa.ForeignKey("orders.number"), primary_key=True),
            sa.Column("number", sa.Integer, primary_key=True),
            sa.Column("started_at", TIME, nullable=False),
            sa.Column("ended_at", TIME),
            sa.Column("verification", sa.Boolean, nullable=False),
            sa.Column("result", sa.String),
            sa.Column("engine", sa.String),
            sa.Column("exchanges", sa.LargeBinary),
        ),
        table(
            "outbox",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("message_id", sa.String, nullable=False, unique=True),
            sa.Column("order", NUMBER, sa.ForeignKey("orders.number"), nullable=False),
            sa.Column("channel", sa.String, nullable=False),
            sa.Column("sequence", sa.Integer, nullable=False),
            sa.Column("kind", sa.String, nullable=False),
            sa.Column("created_at", TIME, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
            sa.Column("address", sa.String),
            sa.Column("tries", sa.Integer, nullable=False),
            sa.Column("not_before", TIME),
            sa.Column("settled_at", TIME),
            sa.Column("due_at", TIME),
            sa.Column("trouble", sa.Text),
            sa.UniqueConstraint("order", "channel", "sequence", name="outbox_sequence"),
        ),
        index("outbox_due", "outbox", "channel due_at line", where="due_at IS NOT NULL"),
        index("outbox_unsettled", "outbox", "channel", where="settled_at IS NULL"),
        table(
            "counters",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("value", NUMBER, nullable=False),
            rows=(
                {"name": "order-number", "value": 0},
                {"name": "waiting-orders", "value": 0},
            ),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
