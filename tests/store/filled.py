"""Rows in every table that there is, of each type that is stored, the odd values among them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Date, Float, LargeBinary, MetaData, insert
from sqlalchemy.types import Integer, TypeEngine

from headend.store.columns import UtcDateTime
from headend.store.copying import stored

ROWS = 3
TEXTS = ("", "Ñuñoa \\ \t\n'\"", '{"a": [1.0, null]}')
OCTETS = (b"", bytes(range(256)), b"\\x00\\N")
FLOATS = (0.0, -1.5, 1e-9)
T0 = datetime(2026, 7, 6, 12, 0, 0, 1, tzinfo=UTC)


def fill(connection: Connection, metadata: MetaData, besides: frozenset[str]) -> int:
    """Rows in each table but some; how many in all."""
    count = 0
    for table in metadata.sorted_tables:
        if table.name in besides:
            continue
        rows = [
            {column.name: _cell(column, number) for column in table.columns}
            for number in range(ROWS)
        ]
        connection.execute(insert(stored(table)), rows)
        count += len(rows)
    return count


def _cell(column: Column[Any], number: int) -> object:
    type_ = stored(column.table).c[column.name].type  # type: ignore[arg-type]
    if column.nullable and number == 1:
        return None
    if unique(column):
        return _number(type_, number)
    return _odd(type_, number)


def unique(column: Column[Any]) -> bool:
    """Whether a row is told by this column, or refers to another by it."""
    return column.primary_key or bool(column.foreign_keys) or bool(column.unique)


def _number(type_: TypeEngine[Any], number: int) -> object:
    if isinstance(type_, Integer):
        return number + 7
    if isinstance(type_, UtcDateTime):
        return T0 + timedelta(days=number)
    if isinstance(type_, Date):
        return date(2026, 2, 27) + timedelta(days=number)
    if isinstance(type_, Boolean):
        return bool(number)
    return f"n{number}"


def _odd(type_: TypeEngine[Any], number: int) -> object:
    if isinstance(type_, Float):
        return FLOATS[number]
    if isinstance(type_, LargeBinary):
        return OCTETS[number]
    if isinstance(type_, Integer | UtcDateTime | Date | Boolean):
        return _number(type_, number)
    return TEXTS[number]
