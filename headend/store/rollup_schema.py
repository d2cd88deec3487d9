"""The table of days rolled up.

Days' channels are JSON that SQL can look into; the hours, which are many, lie packed.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Date, Dialect, Integer, LargeBinary, String, Table
from sqlalchemy.types import TypeDecorator

from headend.domain.rollup import ChannelSum, RolledSpan
from headend.store.columns import Json, UtcDateTime, deflated, inflated
from headend.store.schema import metadata


class Hours(TypeDecorator[tuple[RolledSpan, ...]]):
    """Hours as JSON, deflated.  JSON, because a sum may outgrow the 64 bits of MessagePack."""

    impl = LargeBinary
    cache_ok = True
    _decoder = msgspec.json.Decoder(tuple[RolledSpan, ...])

    def process_bind_param(self, value: tuple[RolledSpan, ...] | None, dialect: Dialect) -> Any:
        return None if value is None else deflated(msgspec.json.encode(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[RolledSpan, ...] | None:
        return None if value is None else self._decoder.decode(inflated(value))


rolled_days = Table(
    "rolled_days",
    metadata,
    Column("meter", String, primary_key=True),
    Column("profile", String, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("raw_at", UtcDateTime, nullable=False),
    Column("expected", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("quality", Integer, nullable=False),
    Column("status", BigInteger, nullable=False),
    Column("channels", Json(tuple[ChannelSum, ...]), nullable=False),
    Column("hours", Hours, nullable=False),
)
