"""Values between a database's columns and a profile's attributes.

A legacy database holds what people once typed: each cell is looked at, and one that is no value of
its attribute's type is told, not guessed at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from headend.store.columns import utc_text
from protocols.cim.profile import lexical
from protocols.cim.profile.lexical import NotAValue, Value
from protocols.cim.profile.model import Attribute, Enumeration, Primitive

Words = Mapping[str, Value]
"""The system's own words for values; empty where it has none."""


class Unfit(ValueError):
    """A cell holds what is no value of the attribute."""


def from_cell(attribute: Attribute, words: Words, cell: Any) -> Value:
    """The value in a cell that is not NULL.  Raises `Unfit`."""
    if words:
        if isinstance(cell, str) and cell in words:
            return words[cell]
        raise Unfit(attribute.name)
    value: Any = cell
    match attribute.type:
        case Primitive.FLOAT if type(cell) in (int, Decimal):
            value = float(cell) if abs(cell) < 10**300 else math.inf
        case Primitive.BOOLEAN if type(cell) is int and cell in (0, 1):
            value = bool(cell)
        case Primitive.DATE_TIME if isinstance(cell, str):
            try:
                value = lexical.read(Primitive.DATE_TIME, cell)
            except NotAValue as error:
                raise Unfit(attribute.name) from error
    if not lexical.fits(attribute, value):
        raise Unfit(attribute.name)
    found: Value = value
    return found


def to_cells(words: Words, value: Value, *, sqlite: bool) -> list[Any]:
    """What cells may hold that mean a value; nothing where the system has no word for it."""
    if words:
        return sorted(theirs for theirs, ours in words.items() if ours == value)
    return [to_cell(value, sqlite=sqlite)]


def to_cell(value: Value, *, sqlite: bool) -> Any:
    """A value as its database keeps it: SQLite has times as text of fixed width."""
    return utc_text(value) if sqlite and isinstance(value, datetime) else value


def key_text(cell: Any) -> str:
    """A cell of a key, for a position."""
    return lexical.write(cell) if isinstance(cell, int | float | datetime) else str(cell)


def key_cell(kind: Primitive | Enumeration | None, text: str, *, sqlite: bool) -> Any:
    """A cell of a key from `key_text`; `kind` is None for a reference.  Raises `NotAValue`."""
    if kind is None or isinstance(kind, Enumeration) or kind is Primitive.STRING:
        return text
    if kind is Primitive.DATE_TIME and sqlite:
        return text  # as it is there, be it a time or not
    return lexical.read(kind, text)
