"""The log of messages at CIM doors."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0031"
down_revision = "0030"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "cim_messages",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("at", TIME, nullable=False),
            sa.Column("door", sa.String, nullable=False),
            sa.Column("address", sa.String, nullable=False),
            sa.Column("certificate", sa.String),
            sa.Column("username", sa.String),
            sa.Column("source", sa.String),
            sa.Column("verb", sa.String, nullable=False),
            sa.Column("noun", sa.String, nullable=False),
            sa.Column("message_id", sa.String),
            sa.Column("correlation_id", sa.String),
            sa.Column("octets", sa.Integer, nullable=False),
            sa.Column("digest", sa.String, nullable=False),
            sa.Column("status", sa.Integer, nullable=False),
            sa.Column("result", sa.String, nullable=False),
            sa.Column("code", sa.String, nullable=False),
            sa.Column("key", sa.String, nullable=False),
            sa.Column("took_ms", sa.Integer, nullable=False),
        ),
        index("cim_messages_known", "cim_messages", "message_id", where="message_id IS NOT NULL"),
        index(
            "cim_messages_joined",
            "cim_messages",
            "correlation_id",
            where="correlation_id IS NOT NULL",
        ),
        index("cim_messages_at", "cim_messages", "at"),
    )


upgrade, downgrade = steps.take, steps.take_back
