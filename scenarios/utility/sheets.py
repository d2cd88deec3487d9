"""Tables of a stand-in's database, and the SQLite file that they make.

The same tables make the same octets: no time, no chance and no order of a dictionary's goes into a
file, only what is in the sheets.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Kind = Literal["text", "integer", "real", "time"]
Cell = str | int | float | datetime | None

_SQLITE: dict[Kind, str] = {"text": "TEXT", "integer": "INTEGER", "real": "REAL", "time": "TEXT"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table; its first column is its key."""

    name: str
    columns: tuple[tuple[str, Kind], ...]
    rows: tuple[tuple[Cell, ...], ...]


def sheet(name: str, columns: str, rows: Iterable[tuple[Cell, ...]]) -> Sheet:
    """A table with columns written as `name:kind`, where text need not be said."""
    pairs = [(each, "text") if ":" not in each else each.split(":") for each in columns.split()]
    return Sheet(name, tuple((it, kind) for it, kind in pairs), tuple(rows))  # type: ignore[misc]


def write_sqlite(path: Path, sheets: Iterable[Sheet]) -> None:
    """A new database file.  Raises `FileExistsError` rather than write over one."""
    if path.exists():
        raise FileExistsError(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA page_size = 4096")
        database.execute("PRAGMA journal_mode = MEMORY")  # nobody else has this file yet
        with database:
            for each in sheets:
                _fill(database, each)


def _fill(database: sqlite3.Connection, it: Sheet) -> None:
    (key, kind), *rest = it.columns
    columns = [f'"{key}" {_SQLITE[kind]} PRIMARY KEY NOT NULL']
    columns += (f'"{name}" {_SQLITE[each]}' for name, each in rest)
    database.execute(f'CREATE TABLE "{it.name}" ({", ".join(columns)})')
    places = ", ".join("?" for _ in it.columns)
    database.executemany(
        f'INSERT INTO "{it.name}" VALUES ({places})', (tuple(map(_cell, row)) for row in it.rows)
    )


def _cell(value: Cell) -> str | int | float | None:
    """Times are text of fixed width, whose order is time order."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return value
