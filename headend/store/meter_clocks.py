"""How meters' clocks stood, order by order."""

from __future__ import annotations

from sqlalchemy import Column, Float, String, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.meter_clock import MeterClock
from headend.domain.upkeep import ClockMeasured
from headend.store import schema
from headend.store.collected import put_over
from headend.store.columns import UtcDateTime
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.schema import Number, metadata
from headend.store.upkeep_schema import concentrator_clocks
from headend.store.words import Words

meter_clocks = Table(
    "meter_clocks",
    metadata,
    Column("meter", String, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("order", Number, nullable=False),
    Column("before_s", Float),
    Column("error_s", Float, nullable=False),
    Column("by", String, nullable=False),
    Column("moved_s", Float, nullable=False),
    Column("after_s", Float),
    Column("after_error_s", Float),
)

METER_CLOCK = Form(MeterClock, meter_clocks)
_CONCENTRATOR = Form(ClockMeasured, concentrator_clocks)
_PUT = {
    dialect.dialect.name: put_over(dialect, meter_clocks, METER_CLOCK.names)
    for dialect in (sqlite, postgresql)
}
_LATEST = Prepared(
    _CONCENTRATOR.select()
    .where(concentrator_clocks.c.concentrator == bindparam("of_concentrator"))
    .order_by(concentrator_clocks.c.at.desc())
    .limit(1)
)


_meters = schema.meters.c
_WITHIN_REACH = Prepared(
    select(_meters.name)
    .where(
        _meters.commissioned.is_(True),
        _meters.blocked.is_(False),
        _meters.concentrator.is_not(None) | _meters.address.is_not(None),
    )
    .order_by(_meters.name)
)


class MeterClockWords(Words):
    """Clocks of meters, and the clock that a concentrator holds them to."""

    def meters_within_reach(self) -> list[str]:
        return [row[0] for row in self._rows(_WITHIN_REACH)]

    def add_meter_clock(self, clock: MeterClock) -> None:
        self._change(_PUT[self._connection.dialect.name], METER_CLOCK.values(clock))

    def concentrator_clock(self, concentrator: str) -> ClockMeasured | None:
        return self._one(_CONCENTRATOR, _LATEST, {"of_concentrator": concentrator})
