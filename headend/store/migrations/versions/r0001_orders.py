"""Registry, commercial messages, orders with journal and attempts, outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "meters",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("concentrator", sa.String),
        sa.Column("commissioned", sa.Boolean, nullable=False),
        sa.Column("blocked", sa.Boolean, nullable=False),
        sa.Column("contracted_w", sa.String),
        sa.Column("model", sa.String, nullable=False),
    )
    op.create_index("meters_of_concentrator", "meters", ["concentrator", "name"])
    op.create_table(
        "concentrators",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("sim", sa.String),
    )
    op.create_table(
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
    )
    op.create_table(
        "inbound_messages",
        sa.Column("transaction_id", sa.String, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("message_id", sa.String),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.LargeBinary),
        sa.UniqueConstraint("source", "message_id", name="inbound_messages_once"),
    )
    _orders()
    op.create_table(
        "journal",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("order", NUMBER, sa.ForeignKey("orders.number"), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer),
    )
    op.create_index("journal_of_order", "journal", ["order"])
    op.create_table(
        "attempts",
        sa.Column("order", NUMBER, sa.ForeignKey("orders.number"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("verification", sa.Boolean, nullable=False),
        sa.Column("result", sa.String),
        sa.Column("engine", sa.String),
        sa.Column("exchanges", sa.LargeBinary),
    )
    _outbox()
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", NUMBER, nullable=False),
    )
    op.bulk_insert(
        counters,
        [{"name": "order-number", "value": 0}, {"name": "waiting-orders", "value": 0}],
    )


def _orders() -> None:
    op.create_table(
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
    )
    with_work = sa.column("due_at").is_not(None)
    _partial("orders_to_claim", "orders", "concentrator priority number due_at", with_work)
    _partial("orders_by_due", "orders", "concentrator due_at unfinished", with_work)
    _partial("orders_in_the_way", "orders", "meter number", with_work)
    leased = sa.column("lease_owner").is_not(None)
    _partial("orders_leased", "orders", "lease_owner lease_until", leased)
    op.create_index("orders_of_meter", "orders", ["meter", "number"])
    op.create_index("orders_of_transaction", "orders", ["transaction_id"])
    correlated = sa.column("correlation_id").is_not(None)
    _partial("orders_of_correlation", "orders", "correlation_id", correlated)
    _partial("orders_ended", "orders", "concentrator ended_at", sa.column("ended_at").is_not(None))
    op.create_index("orders_of_state", "orders", ["state", "number"])


def _outbox() -> None:
    op.create_table(
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
    )
    _partial("outbox_due", "outbox", "channel due_at line", sa.column("due_at").is_not(None))
    _partial("outbox_unsettled", "outbox", "channel", sa.column("settled_at").is_(None))


def _partial(name: str, table: str, columns: str, where: sa.ColumnElement[bool]) -> None:
    op.create_index(name, table, columns.split(), sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for table in (
        "outbox",
        "attempts",
        "journal",
        "orders",
        "inbound_messages",
        "concentrator_evidence",
        "concentrators",
        "meters",
        "counters",
    ):
        op.drop_table(table)
