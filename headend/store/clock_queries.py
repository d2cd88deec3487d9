"""How meters' clocks stood, for whoever asks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from headend.domain.meter_clock import MeterClock
from headend.store.meter_clocks import METER_CLOCK, meter_clocks


def meter_clocks_of(
    connection: Connection, meter: str, *, before: datetime | None = None, limit: int = 50
) -> list[MeterClock]:
    """How a meter's clock stood, the latest first; only `before` a time."""
    query = METER_CLOCK.select().where(meter_clocks.c.meter == meter)
    if before is not None:
        query = query.where(meter_clocks.c.at < before)
    rows = connection.execute(query.order_by(meter_clocks.c.at.desc()).limit(limit))
    return [METER_CLOCK.read(row) for row in rows]


def meter_clock_of_order(connection: Connection, number: int) -> MeterClock | None:
    """What an order found and did, the last of its attempts."""
    query = METER_CLOCK.select().where(meter_clocks.c.order == number)
    row = connection.execute(query.order_by(meter_clocks.c.at.desc()).limit(1)).first()
    return None if row is None else METER_CLOCK.read(row)
