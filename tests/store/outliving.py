"""Rows of any table, and a retention that works on them within a test's own transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Date, func, insert, select
from sqlalchemy.sql.sqltypes import BigInteger, Boolean, Float, Integer, LargeBinary

from headend.app.retaining import Retaining
from headend.config import CollectionPolicy, Config, ValidationPolicy
from headend.config.retention import KINDS, RetentionPolicy
from headend.config.rollup import RollupPolicy
from headend.domain.retention import Outlived
from headend.domain.utility_day import span_of
from headend.store.columns import UtcDateTime
from headend.store.copying import stored
from headend.store.retention_holds import Needs
from headend.store.schema import metadata
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from tests import databases

T = TypeVar("T")

DAYS = 60
ZONE = ZoneInfo("America/Santiago")
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
TODAY = date(2026, 10, 1)
CUT = TODAY - timedelta(days=DAYS)
CUT_AT = datetime.fromtimestamp(span_of(CUT, ZONE).begin, UTC)
OLD, YOUNG = CUT_AT - timedelta(microseconds=1), CUT_AT
LAST_OLD = CUT - timedelta(days=1)


def config(**changed: Any) -> Config:
    """All kinds are kept for `DAYS`, batches are small, and nobody rests."""
    spans = dict.fromkeys(KINDS, DAYS)
    policy = RetentionPolicy(**spans, batch_rows=2, rest_s=0)  # type: ignore[arg-type]
    return Config(
        collection=CollectionPolicy(validation=ValidationPolicy(enabled=True)),
        rollup=RollupPolicy(enabled=True),
        retention=policy,
        **changed,
    )


def put(connection: Connection, table: str, **cells: Any) -> None:
    """A row; what is not said is blank."""
    columns = stored(metadata.tables[table])
    told = {
        column.name: _blank(column.type)
        for column in metadata.tables[table].columns
        if not column.nullable and not column.foreign_keys
    }
    if metadata.tables[table].autoincrement_column is not None:
        told.pop(metadata.tables[table].autoincrement_column.name, None)  # type: ignore[union-attr]
    connection.execute(insert(columns), [told | cells])


def _blank(type_: Any) -> object:
    if isinstance(type_, UtcDateTime):
        return OLD
    if isinstance(type_, Date):
        return LAST_OLD
    if isinstance(type_, Boolean):
        return False
    if isinstance(type_, Integer | BigInteger | Float):
        return 0
    if isinstance(type_, LargeBinary):
        return b""
    if "Deflated" in type(type_).__name__ or type(type_).__name__ in ("Rows", "Hours"):
        return b""
    return 0 if type(type_).__name__ == "_Severity" else ""


def rows(connection: Connection, table: str) -> int:
    found: int = connection.execute(
        select(func.count()).select_from(metadata.tables[table])
    ).scalar_one()
    return found


def keys(connection: Connection, table: str) -> set[tuple[Any, ...]]:
    columns = metadata.tables[table].primary_key.columns
    return {tuple(row) for row in connection.execute(select(*columns))}


class Killed(Exception):
    """The process ends before a transaction."""


@dataclass
class World:
    """A store whose works all share one transaction, and a clock; killed after some changes."""

    connection: Connection
    changes_left: int | None = None
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def read(self, query: Callable[[Connection], T]) -> T:
        return query(self.connection)

    async def change(self, work: Callable[[Connection], T]) -> T:
        if self.changes_left is not None:
            if not self.changes_left:
                raise Killed
            self.changes_left -= 1
        with self.connection.begin_nested():
            return work(self.connection)

    apart = change

    async def run(self, work: Callable[[SqlTransaction], T]) -> T:
        return work(SqlTransaction(self.connection))


@dataclass
class Fixed(Retaining):
    """Needs as they are given: of a data store that is no place."""

    taken: dict[str, str] | None = None

    async def _needs(self) -> Needs:
        return Needs(
            self.config.collection.validation.enabled,
            self.config.rollup.enabled,
            self.taken,
            databases.postgresql(),
        )


def retaining(
    connection: Connection,
    *,
    taken: dict[str, str] | None = None,
    changes: int | None = None,
    settings: Config | None = None,
) -> Fixed:
    world = World(connection, changes)
    return Fixed(cast(SqlStore, world), world, settings or config(), live=False, taken=taken)


def delete(
    connection: Connection, *, taken: dict[str, str] | None = None, settings: Config | None = None
) -> dict[str, Outlived]:
    """One round; what went, by table."""
    duty = retaining(connection, taken=taken, settings=settings)
    return {each.table: each for each in asyncio.run(duty.delete("", "test"))}
