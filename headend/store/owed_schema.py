"""The table of what the legacy integration database has not been told yet."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text, UniqueConstraint

from headend.domain.owed import OwedKind
from headend.store.columns import EnumText
from headend.store.schema import Number, metadata

# One row a thing, not one a change: while the other database is away the table grows no further
# than there are things that changed.
owed = Table(
    "owed",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("kind", EnumText(OwedKind), nullable=False),
    Column("device", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("moment", String, nullable=False),
    Column("trouble", Text),
    UniqueConstraint("kind", "device", "profile", "moment", name="owed_once"),
)
_DUE = owed.c.trouble.is_(None)
Index("owed_due", owed.c.line, sqlite_where=_DUE, postgresql_where=_DUE)
