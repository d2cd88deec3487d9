"""CIM messages owed to other systems, and what they are made from."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0032"
down_revision = "0031"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "outbound_streams",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("kind", sa.String, nullable=False),
            sa.Column("cursor", sa.Text, nullable=False),
            sa.Column("made_at", TIME, nullable=False),
            sa.Column("request", sa.LargeBinary, nullable=False),
            sa.Column("address", sa.String),
        ),
        table(
            "outbound_messages",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("message_id", sa.String, nullable=False, unique=True),
            sa.Column("stream", sa.String, nullable=False),
            sa.Column("channel", sa.String, nullable=False),
            sa.Column("created_at", TIME, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
            sa.Column("address", sa.String),
            sa.Column("tries", sa.Integer, nullable=False),
            sa.Column("due_at", TIME),
            sa.Column("trouble", sa.Text),
        ),
        index("outbound_messages_of_stream", "outbound_messages", "stream line"),
        index(
            "outbound_messages_due",
            "outbound_messages",
            "channel due_at",
            where="due_at IS NOT NULL",
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
