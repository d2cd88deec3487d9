"""The tables of what has changed, and of how far its readers have come."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Index, String, Table, event, insert

from headend.domain.change import Arrived, ChangeKind
from headend.store.columns import EnumText, Json, UtcDateTime
from headend.store.schema import Number, metadata

# A line's own number is taken before it is committed: one that a reader has passed may come to
# light behind it.  `position` is therefore given afterwards, under the lock of a mark.
changes = Table(
    "changes",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("position", Number),
    Column("kind", EnumText(ChangeKind), nullable=False),
    Column("what", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("number", Number),
    Column("device", String),
    Column("place", String),
    Column("arrived", Json(tuple[Arrived, ...]), nullable=False),
    Index("changes_by_position", "position", unique=True),
    Index("changes_by_time", "at"),
)
_NEW = changes.c.position.is_(None)
Index("changes_new", changes.c.line, sqlite_where=_NEW, postgresql_where=_NEW)

change_marks = Table(
    "change_marks",
    metadata,
    Column("name", String, primary_key=True),
    Column("position", Number, nullable=False),
)
HEAD, NOTIFIED, OWING, BEGUN = "head", "notified", "owing", "begun"
"""`owing` is no position: 1 where the legacy database is told of what is stored.  `begun` is there
after a restoration: positions up to it may have been told in a life that is lost."""


@event.listens_for(change_marks, "after_create")
def _start_at_nothing(table: Table, connection: Connection, **_: Any) -> None:
    rows = [{"name": name, "position": 0} for name in (HEAD, NOTIFIED, OWING)]
    connection.execute(insert(table), rows)
