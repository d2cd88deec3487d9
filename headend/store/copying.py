"""A database into another of any kind, whole: as it is stored, all or nothing, and compared.

One view of the source is read, one transaction writes the target.  Cells travel as they are stored
(JSON stays the text it is, what is packed or sealed stays so); only what the kinds of database
write in different ways, times and truth values, is read and written anew.  Before the commit the
target is read back: each table must have as many rows, and the same sum of their digests, which no
order of rows changes.

PostgreSQL takes rows by COPY, and its numbering goes on behind the highest number there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    TypeDecorator,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from headend.config import without_password
from headend.ports import StoreUnavailable
from headend.store.columns import UtcDateTime
from headend.store.engine import is_sqlite, open_reader, open_writer, opened
from headend.store.migrate import Schema, newest, upgrade
from headend.store.partitions import PARTITIONED, Part, make_month, months_of, parts

BATCH_ROWS = 2_000
_SUM = 1 << 128

Progress = Callable[[str, int, int], None]
"""Told a table's name, how many of its rows have come so far, and how many there are."""


class CopyRefused(ValueError):
    """The source is no database of this program's version, or the target is not empty."""


class CopyDiffers(RuntimeError):
    """What was read back is not what was written; nothing is kept."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A table that was copied; `digest` is the sum of its rows' digests, in hexadecimal."""

    table: str
    rows: int
    digest: str


def copy(
    source: str, target: str, schema: Schema, progress: Progress = lambda *_: None
) -> list[Copied]:
    """Copy every table of `schema`, each after those it refers to.

    Raises `CopyRefused`, `CopyDiffers`, `FileNotFoundError` where there is no source, and
    `StoreUnavailable`; the target then has empty tables, if any.
    """
    reader, writer = opened(open_reader, source), opened(open_writer, target)
    try:
        with reader.connect() as giving, giving.begin():
            _refuse_another_version(giving, schema)
            upgrade(writer, schema)
            with writer.begin() as taking:
                _refuse_what_is_there(taking, schema)
                return [
                    _copied(giving, taking, stored(table), progress)
                    for table in schema.metadata.sorted_tables
                ]
    except DBAPIError as error:
        raise StoreUnavailable(f"{error.orig}") from error
    finally:
        reader.dispose()
        writer.dispose()


def stored(table: Table) -> Table:
    """A table's columns as they are stored, without what the program makes of them."""
    return Table(
        table.name,
        MetaData(),
        *(
            Column(column.name, _stored(column.type), primary_key=column.primary_key)
            for column in table.columns
        ),
    )


def _stored(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(type_, TypeDecorator) and not isinstance(type_, UtcDateTime):
        return type_.impl_instance
    return type_


def _refuse_another_version(connection: Connection, schema: Schema) -> None:
    where = without_password(connection.engine.url.render_as_string())
    try:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as error:
        raise CopyRefused(f"the source holds no head-end's tables: {error.orig}") from error
    if version != newest(schema):
        raise CopyRefused(f"{where} is of another version of this program: {version}")


def beginning(schema: Schema) -> dict[str, list[str]]:
    """What is in a new database, by table: marks and counters that begin at nought."""
    engine = open_writer("sqlite://")
    upgrade(engine, schema)
    with engine.connect() as connection:
        found = {table.name: _told(connection, table) for table in schema.metadata.sorted_tables}
    engine.dispose()
    return {str(name): rows for name, rows in found.items() if rows}


def _told(connection: Connection, table: Table) -> list[str]:
    return sorted(repr(tuple(row)) for row in connection.execute(select(stored(table))))


def _refuse_what_is_there(connection: Connection, schema: Schema) -> None:
    """A new database's own rows make room for the source's; any others are somebody's work."""
    new = beginning(schema)
    for table in reversed(schema.metadata.sorted_tables):
        count = connection.execute(select(func.count()).select_from(table)).scalar_one()
        own = new.get(table.name, [])
        if count != len(own) or (own and _told(connection, table) != own):
            raise CopyRefused(f"the target is not empty: {table.name} has {count} rows")
        if own:
            connection.execute(delete(table))


def _copied(giving: Connection, taking: Connection, table: Table, progress: Progress) -> Copied:
    count = giving.execute(select(func.count()).select_from(table)).scalar_one()
    put = _insert if is_sqlite(taking.engine.url) else _copy
    _make_months(giving, taking, table.name)
    came, given = 0, 0
    progress(table.name, came, count)
    for rows in _rows(giving, table):
        put(taking, table, rows)
        came, given = came + len(rows), (given + _digest(rows)) % _SUM
        progress(table.name, came, count)
    there, taken = 0, 0
    for rows in _rows(taking, table):
        there, taken = there + len(rows), (taken + _digest(rows)) % _SUM
    if (there, taken) != (came, given):
        raise CopyDiffers(f"{table.name}: {came} rows were written, {there} are there, or others")
    if not is_sqlite(taking.engine.url):
        _count_on(taking, table)
    return Copied(str(table.name), came, f"{given:032x}")


def _make_months(giving: Connection, taking: Connection, table: str) -> None:
    """Partitions for what comes, where there are partitions."""
    if table in PARTITIONED and not is_sqlite(taking.engine.url):
        there = set(parts(taking))
        for month in months_of(giving, table):
            if Part(table, month) not in there:
                make_month(taking, Part(table, month))


def _rows(connection: Connection, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
    result = connection.execute(select(table), execution_options={"yield_per": BATCH_ROWS})
    yield from result.partitions()


def _digest(rows: Sequence[Sequence[Any]]) -> int:
    """The sum of the digests of rows.  MessagePack tells 1 from True from 1.0 from "1"."""
    encode, total = msgspec.msgpack.Encoder().encode, 0
    for row in rows:
        digest = hashlib.blake2b(encode(tuple(row)), digest_size=16).digest()
        total += int.from_bytes(digest)
    return total


def _insert(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    names = [column.name for column in table.columns]
    connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def _copy(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    names = ", ".join(quoted(column.name) for column in table.columns)
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {quoted(table.name)} ({names}) FROM STDIN") as into:
        for row in rows:
            into.write_row(tuple(row))


def _count_on(connection: Connection, table: Table) -> None:
    """Let numbering go on behind what is there."""
    for column in table.primary_key.columns:
        asked = text("SELECT pg_get_serial_sequence(:table, :column)")
        wanted = {"table": f'"{table.name}"', "column": column.name}
        sequence = connection.execute(asked, wanted).scalar_one()
        if sequence is not None:
            highest = connection.execute(select(func.max(column))).scalar_one()
            behind = {"sequence": sequence, "value": highest or 1, "called": highest is not None}
            connection.execute(text("SELECT setval(:sequence, :value, :called)"), behind)
