"""Since when what is stored is kept, for whoever asks for what may have gone."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, func, select

from headend.domain.retention import KeptSince
from headend.store.collected_schema import interval_days
from headend.store.retention_schema import kept_since
from headend.store.rollup_schema import rolled_days
from headend.store.validated_schema import validated_days

INTERVAL_DAYS = interval_days.name
"""The table of pages of rows: what of them has gone is told to who asks."""
VALIDATED_DAYS, ROLLED_DAYS = validated_days.name, rolled_days.name

_k = kept_since.c


def kept(connection: Connection) -> dict[str, KeptSince]:
    """By table, what retention has done so far."""
    query = select(*kept_since.columns).order_by(_k.table)
    return {row[0]: KeptSince(*row) for row in connection.execute(query)}


def first_day(connection: Connection, *tables: str) -> date | None:
    """The first day of which all rows of some tables are kept; None where nothing has gone."""
    query = select(func.max(_k.kept_since)).where(_k.table.in_(tables))
    found: date | None = connection.execute(query).scalar_one()
    return found
