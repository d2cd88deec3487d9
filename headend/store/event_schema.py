"""The tables of events, of the incidents they make, and of who acknowledged them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint

from headend.domain.event import IncidentKind, Severity, Source, Subject
from headend.store.columns import EnumText, Json, UtcDateTime
from headend.store.schema import Number, metadata

# An event is of one incident at most, because it has one place for its number.
events = Table(
    "events",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("device", String, nullable=False),
    Column("name", String, nullable=False),
    Column("severity", EnumText(Severity), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("sources", Json(tuple[Source, ...]), nullable=False),
    Column("code", Integer),
    Column("place", String),
    Column("kind", EnumText(IncidentKind)),
    Column("incident", Number),
    UniqueConstraint("device", "name", "at", name="events_once"),
    Index("events_by_time", "at"),
    Index("events_at_place", "place", "kind", "at"),
    Index("events_of_incident", "incident"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("kind", EnumText(IncidentKind), nullable=False),
    Column("place", String, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("members", Integer, nullable=False),
    Column("without", Integer, nullable=False),
    Column("merged_into", Number),
    Index("incidents_by_time", "began_at"),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("subject", EnumText(Subject), primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String, nullable=False),
    Column("note", Text, nullable=False),
)

# What status words were: an event is a bit that was not set in the word before.
status_words = Table(
    "status_words",
    metadata,
    Column("device", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
