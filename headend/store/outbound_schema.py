"""The tables of CIM messages owed to other systems, and of what they are made from."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from headend.store.columns import UtcDateTime
from headend.store.schema import Number, metadata

outbound_streams = Table(
    "outbound_streams",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("address", String),
)

outbound_messages = Table(
    "outbound_messages",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("message_id", String, nullable=False, unique=True),
    Column("stream", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("address", String),
    Column("tries", Integer, nullable=False),
    Column("due_at", UtcDateTime),
    Column("trouble", Text),
    Index("outbound_messages_of_stream", "stream", "line"),
)
_DUE = outbound_messages.c.due_at.is_not(None)
Index(
    "outbound_messages_due",
    outbound_messages.c.channel,
    outbound_messages.c.due_at,
    sqlite_where=_DUE,
    postgresql_where=_DUE,
)
