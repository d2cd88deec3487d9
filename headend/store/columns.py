"""How the domain's values look in a cell.

Each type keeps what SQLite by itself would lose: the time zone of a datetime, the digits of a
Decimal.  Values that must not be stored raise `ValueError` before anything is written.
"""

from __future__ import annotations

import enum
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import DateTime, Dialect, Float, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

T = TypeVar("T")
E = TypeVar("E", bound=enum.StrEnum)


def utc_text(value: datetime) -> str:
    """A time as 2026-07-06T12:00:00.000000Z: of fixed width, so that text order is time order."""
    if value.tzinfo is None:
        raise ValueError(f"a time without a time zone cannot be stored: {value!r}")
    return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def deflated(octets: bytes) -> bytes:
    """Octets packed fast."""
    return zlib.compress(octets, 1)


def inflated(octets: bytes) -> bytes:
    """They again."""
    return zlib.decompress(octets)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant.  Aware in, aware and UTC out; a naive one raises `ValueError`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # SQLite has no type for times, and SQLAlchemy's stand-in for it forgets the zone.
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        text = utc_text(value)
        return text if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        instant: datetime = value
        return instant.astimezone(UTC)  # PostgreSQL answers in the session's zone


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal as its text: 1500, 1500.0 and 1.5E+3 come back as they went in."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not value.is_finite():
            raise ValueError(f"{value} is no amount")
        return str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class EnumText(TypeDecorator[E], Generic[E]):
    """A member of a `StrEnum` as its value."""

    impl = String
    cache_ok = True

    def __init__(self, members: type[E]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        return None if value is None else self.members(value)


class Deflated(TypeDecorator[bytes]):
    """Octets that are worth packing: an order's XML shrinks to two fifths, in 15 µs."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else deflated(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else inflated(value)


class Real(TypeDecorator[float]):
    """A number of double precision.  Both drivers give it as it is, where SQLAlchemy's own type
    would ask what the server calls it, which a prepared statement does not know."""

    impl = Float
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(precision=53)

    def result_processor(self, dialect: Dialect, coltype: Any) -> None:
        return None


class Json(TypeDecorator[T], Generic[T]):
    """A value of a few typed fields as JSON text, checked against its type when read."""

    impl = Text
    cache_ok = True

    def __init__(self, of: Any) -> None:
        super().__init__()
        self.of = of
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(of)

    def process_bind_param(self, value: T | None, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> T | None:
        return None if value is None else self._decoder.decode(value)
