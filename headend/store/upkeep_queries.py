"""Questions about how concentrators fare, for pages, commands and stories."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from headend.domain.upkeep import ClockMeasured, HourHeard, KnownState
from headend.store.upkeep import CLOCK, HOUR, STATE

_states, _clocks, _hours = STATE.table.c, CLOCK.table.c, HOUR.table.c


def state_of(connection: Connection, concentrator: str) -> KnownState | None:
    """A concentrator's last word on itself."""
    row = connection.execute(STATE.select().where(_states.concentrator == concentrator)).first()
    return None if row is None else STATE.read(row)


def clocks_of(
    connection: Connection, concentrator: str, *, limit: int = 100
) -> list[ClockMeasured]:
    """How its clock stood, the latest first."""
    query = CLOCK.select().where(_clocks.concentrator == concentrator)
    rows = connection.execute(query.order_by(_clocks.at.desc()).limit(limit))
    return [CLOCK.read(row) for row in rows]


def availability_of(connection: Connection, concentrator: str) -> dict[str, tuple[int, int]]:
    """By meter: keep-alives heard, and asked for, over all hours that are known."""
    query = (
        select(_hours.meter, func.sum(_hours.heard), func.sum(_hours.asked))
        .where(_hours.concentrator == concentrator)
        .group_by(_hours.meter)
        .order_by(_hours.meter)
    )
    return {meter: (int(heard), int(asked)) for meter, heard, asked in connection.execute(query)}


def hours_of_meter(connection: Connection, meter: str) -> list[HourHeard]:
    """A meter's hours, the earliest first."""
    query = HOUR.select().where(_hours.meter == meter).order_by(_hours.hour)
    return [HOUR.read(row) for row in connection.execute(query)]
