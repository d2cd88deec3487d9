"""A database copied whole while others write to it, and put back into an empty place.

SQLite by VACUUM INTO: one read transaction, so one moment, for which no writer waits.  PostgreSQL
by COPY in one transaction of REPEATABLE READ, READ ONLY: one moment as well, and it asks for
nothing but SELECT on the tables, no program of the server's on this machine, and no version of it.

What comes back is exactly what went: COPY's text form is the same for every version of the server.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from headend.ports import StoreUnavailable
from headend.store.engine import in_memory, is_sqlite, open_reader, open_writer, opened
from headend.store.migrate import Schema, migrated, revisions, upgrade
from headend.store.transaction import SqlTransaction

SQLITE_FILE = "database.sqlite"
REVISIONS = "alembic_version"
_PIECE = 1 << 20
# Partitions are copied with the table that they are parts of.
_TABLES = text(
    "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname = current_schema()"
    " ORDER BY relname"
)
_COLUMNS = text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    " AND table_name = :of_table AND is_generated = 'NEVER' ORDER BY ordinal_position"
)
_SEQUENCES = text(
    "SELECT column_name, pg_get_serial_sequence(quote_ident(table_name), column_name)"
    " FROM information_schema.columns WHERE table_schema = current_schema()"
    " AND table_name = :of_table"
)


class NotEmpty(RuntimeError):
    """There is a database already where one is to be restored."""


class BadCopy(ValueError):
    """A copy of a database is not whole; the text says in what."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A database, copied: the files, by name, with the rows of each table."""

    engine: Literal["sqlite", "postgresql"]
    revision: str
    rows: dict[str, int]
    files: tuple[str, ...]


def copy(url: str, folder: Path) -> Copied:
    """Copy a database into a folder, while others write to it.

    Raises `StoreUnavailable`, and `FileNotFoundError` where there is no database file.
    """
    if in_memory(url):
        raise StoreUnavailable("a database in memory cannot be copied")
    try:
        return _copy_sqlite(url, folder) if is_sqlite(url) else _copy_server(url, folder)
    except (DBAPIError, sqlite3.Error) as error:
        raise StoreUnavailable(f"{error}") from error


def check(copied: Copied, folder: Path, schema: Schema) -> None:
    """Open a copy and see that it is whole: integrity, revision, rows.  Raises BadCopy."""
    if copied.revision not in revisions(schema):
        raise BadCopy(f"revision {copied.revision} of its tables is of another program")
    found = _look_into(folder) if copied.engine == "sqlite" else _count_lines(copied, folder)
    if found != copied.rows:
        wrong = sorted(
            name
            for name in found.keys() | copied.rows.keys()
            if found.get(name) != copied.rows.get(name)
        )
        raise BadCopy(f"rows are missing, or too many, in {', '.join(wrong)}")


def restore(
    copied: Copied,
    folder: Path,
    url: str,
    schema: Schema,
    finish: Callable[[SqlTransaction], None] = lambda tx: None,
) -> None:
    """Make the database anew from a copy, bring its tables up to date, and let `finish` do what
    has to be done before anybody uses it.  Nobody sees it before: it is all there, or nothing is.

    Raises NotEmpty, `StoreUnavailable`, and what `finish` raises.
    """
    try:
        if copied.engine == "sqlite":
            _restore_sqlite(folder, url, schema, finish)
        else:
            _restore_server(copied, folder, url, schema, finish)
    except (DBAPIError, sqlite3.Error) as error:
        raise StoreUnavailable(f"{error}") from error


def check_empty(url: str, engine: str) -> None:
    """Raises NotEmpty where there is a database already, or one of the other kind is to be made,
    and `StoreUnavailable`."""
    if is_sqlite(url) != (engine == "sqlite") or in_memory(url):
        raise NotEmpty(f"the backup is of {engine}: name such a database to restore it into")
    if is_sqlite(url):
        path = Path(make_url(url).database or "")
        for there in (path, *(Path(f"{path}{end}") for end in ("-wal", "-shm"))):
            if there.exists():
                raise NotEmpty(f"{there} is there already")
        return
    server = opened(open_writer, url)
    try:
        with server.connect() as connection:
            if connection.execute(_TABLES).first() is not None:
                raise NotEmpty(f"there are tables in {make_url(url).database} already")
    except DBAPIError as error:
        raise StoreUnavailable(f"{error.orig}") from error
    finally:
        server.dispose()


# --- SQLite ------------------------------------------------------------------------------------


def _copy_sqlite(url: str, folder: Path) -> Copied:
    path = Path(make_url(url).database or "").absolute()
    if not path.exists():
        raise FileNotFoundError(f"there is no database {path}")
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True)) as source:
        source.execute("VACUUM INTO ?", (str(folder / SQLITE_FILE),))
    rows = _look_into(folder)
    with closing(_opened_copy(folder)) as there:
        revision = _revision(there.execute(f"SELECT version_num FROM {REVISIONS}").fetchone())
    return Copied("sqlite", revision, rows, (SQLITE_FILE,))


def _opened_copy(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(folder / SQLITE_FILE))}?mode=ro&immutable=1", uri=True)


def _look_into(folder: Path) -> dict[str, int]:
    """The rows of each table.  Raises BadCopy."""
    try:
        with closing(_opened_copy(folder)) as there:
            told = [row[0] for row in there.execute("PRAGMA integrity_check")]
            if told != ["ok"]:
                raise BadCopy(f"SQLite says of it: {told[0]}")
            names = [
                row[0]
                for row in there.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                    " AND name NOT LIKE 'sqlite%' ORDER BY name"
                )
            ]
            return {
                name: there.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                for name in names
            }
    except sqlite3.Error as error:
        raise BadCopy(f"SQLite says of it: {error}") from None


def _restore_sqlite(
    folder: Path, url: str, schema: Schema, finish: Callable[[SqlTransaction], None]
) -> None:
    check_empty(url, "sqlite")
    target = Path(make_url(url).database or "").absolute()
    # By SQLite and not byte by byte: it is on disk then, and whole, before it has its name.
    partial = target.with_name(f"{target.name}.restoring")
    partial.unlink(missing_ok=True)
    with closing(_opened_copy(folder)) as source, closing(sqlite3.connect(partial)) as made:
        source.backup(made)
    engine = opened(open_writer, f"sqlite:///{partial}")
    try:
        upgrade(engine, schema)
        with engine.begin() as connection:
            finish(SqlTransaction(connection))
        with engine.connect() as connection:  # one file again, and all of it on disk
            connection.connection.driver_connection.execute("PRAGMA journal_mode = DELETE")  # type: ignore[union-attr]
    finally:
        engine.dispose()
    partial.rename(target)


# --- PostgreSQL --------------------------------------------------------------------------------


def _copy_server(url: str, folder: Path) -> Copied:
    engine = opened(open_reader, url)
    rows: dict[str, int] = {}
    try:
        with engine.begin() as connection:
            revision = _revision(
                connection.exec_driver_sql(f"SELECT version_num FROM {REVISIONS}").fetchone()
            )
            for name in connection.execute(_TABLES).scalars().all():
                columns = _listed(_columns(connection, name))
                with _cursor(connection) as cursor, (folder / f"{name}.copy").open("wb") as file:
                    # The names are the file's first line, so that tables may gain others.
                    file.write(columns.encode() + b"\n")
                    with cursor.copy(f'COPY (SELECT {columns} FROM "{name}") TO STDOUT') as out:
                        for octets in out:
                            file.write(octets)
                    rows[name] = cursor.rowcount
    finally:
        engine.dispose()
    return Copied("postgresql", revision, rows, tuple(f"{name}.copy" for name in rows))


def _count_lines(copied: Copied, folder: Path) -> dict[str, int]:
    """A row of COPY's text form is one line: ends of lines within it are written otherwise."""
    found = {}
    for name in copied.files:
        with (folder / name).open("rb") as file:
            first = file.readline()
            columns, lines = first.count(b",") + 1, 0
            for line in file:
                lines += 1
                if line.count(b"\t") != columns - 1 or not line.endswith(b"\n"):
                    raise BadCopy(f"{name}: row {lines} has not {columns} values")
        found[name.removesuffix(".copy")] = lines
    return found


def _restore_server(
    copied: Copied, folder: Path, url: str, schema: Schema, finish: Callable[[SqlTransaction], None]
) -> None:
    check_empty(url, "postgresql")
    engine = opened(open_writer, url)
    try:
        with engine.begin() as connection:  # all of it, or nothing
            migrated(connection, schema, copied.revision)
            order = [table.name for table in schema.metadata.sorted_tables]
            names = sorted(
                copied.rows.keys() - {REVISIONS},
                key=lambda name: (order.index(name) if name in order else len(order), name),
            )
            for name in names:
                _fill(connection, name, folder / f"{name}.copy", empty=not copied.rows[name])
            migrated(connection, schema, "head")
            finish(SqlTransaction(connection))
    finally:
        engine.dispose()


def _fill(connection: Connection, name: str, file: Path, *, empty: bool) -> None:
    there = connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one()
    if there:  # what a migration begins with
        connection.exec_driver_sql(f'DELETE FROM "{name}"')
    if empty:
        return
    with _cursor(connection) as cursor, file.open("rb") as source:
        columns = source.readline().decode().strip()
        with cursor.copy(f'COPY "{name}" ({columns}) FROM STDIN') as into:
            while octets := source.read(_PIECE):
                into.write(octets)
    for column, sequence in connection.execute(_SEQUENCES, {"of_table": name}).all():
        if sequence is not None:
            connection.exec_driver_sql(
                f'SELECT setval(\'{sequence}\', (SELECT max("{column}") FROM "{name}"))'
            )


def _columns(connection: Connection, table: str) -> list[str]:
    return list(connection.execute(_COLUMNS, {"of_table": table}).scalars())


def _listed(columns: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _cursor(connection: Connection) -> Any:
    """psycopg's own, for COPY."""
    driver: Any = connection.connection.driver_connection
    return driver.cursor()


def _revision(row: Any) -> str:
    if row is None:
        raise StoreUnavailable("its tables have no revision: it is no head-end's database")
    return str(row[0])


def rows_of(rows: Mapping[str, int]) -> int:
    """All rows of a copy together."""
    return sum(rows.values())
