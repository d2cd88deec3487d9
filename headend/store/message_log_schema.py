"""The table of messages at CIM doors."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from headend.store.columns import UtcDateTime
from headend.store.schema import Number, metadata

cim_messages = Table(
    "cim_messages",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("door", String, nullable=False),
    Column("address", String, nullable=False),
    Column("certificate", String),
    Column("username", String),
    Column("source", String),
    Column("verb", String, nullable=False),
    Column("noun", String, nullable=False),
    Column("message_id", String),
    Column("correlation_id", String),
    Column("octets", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("result", String, nullable=False),
    Column("code", String, nullable=False),
    Column("key", String, nullable=False),
    Column("took_ms", Integer, nullable=False),
)
_named = cim_messages.c
_KNOWN = _named.message_id.is_not(None)
Index("cim_messages_known", _named.message_id, sqlite_where=_KNOWN, postgresql_where=_KNOWN)
_JOINED = _named.correlation_id.is_not(None)
Index("cim_messages_joined", _named.correlation_id, sqlite_where=_JOINED, postgresql_where=_JOINED)
Index("cim_messages_at", _named.at)
