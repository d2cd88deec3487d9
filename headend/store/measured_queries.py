"""Questions about what meters measured, by quantity: now, and in a stretch of time.

A history is the load profile's rows as they came, each interval once; what is there now is the
newest of them, or a register that was read since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from sqlalchemy import Connection, func, select

from headend.domain.interval import Row, RowQuality
from headend.domain.measured import BY_NAME, PROFILE, Measured, Quantity
from headend.ports import IntervalRow
from headend.store.collected import DAY
from headend.store.collected_queries import layout as stored_layout
from headend.store.intervals import intervals_of
from headend.store.readings import READING
from headend.store.schema import readings
from protocols.concentrator.collecting import Layout
from protocols.dlms.objects.units import UNITS

_days, _readings = DAY.table.c, readings.c
_PAGES = 2
"""Of the newest days are looked at: one may hold nothing but rows that came twice."""

_DOUBTFUL = int(RowQuality.CLOCK_DOUBTFUL | RowQuality.AHEAD | RowQuality.PLACED)
_AGAIN = int(RowQuality.CHANGED)


def present(connection: Connection, meter: str) -> dict[Quantity, Measured]:
    """The newest of each quantity that a meter is known to measure."""
    found: dict[Quantity, Measured] = {}
    layouts: dict[int, Layout] = {}
    newest = DAY.select().where(_days.meter == meter, _days.profile == PROFILE)
    pages = connection.execute(newest.order_by(_days.day.desc()).limit(_PAGES)).all()
    for row in reversed([row for page in pages for row in _standing(DAY.read(page).rows)]):
        for quantity, measured in _row(connection, row, layouts).items():
            known = found.get(quantity)
            if known is None or known.at < measured.at:
                found[quantity] = measured
    for quantity, measured in _read_apart(connection, meter):
        known = found.get(quantity)
        if known is None or known.at < measured.at:
            found[quantity] = measured
    return found


def history(
    connection: Connection,
    meter: str,
    quantity: Quantity,
    *,
    begin: datetime,
    end: datetime | None,
    backwards: bool,
    limit: int,
) -> list[Measured]:
    """Values from `begin` on towards `end`, which does not belong to them (None: all there are);
    `limit` at most."""
    found: list[Measured] = []
    layouts: dict[int, Layout] = {}
    for page in _pages(connection, meter, begin, end, backwards):
        rows = _standing(page)
        for row in reversed(rows) if backwards else rows:
            at = datetime.fromtimestamp(row.at, UTC)
            if (at > begin if backwards else at < begin) or _beyond(at, end, backwards):
                continue
            measured = _row(connection, row, layouts).get(quantity)
            if measured is not None:
                found.append(measured)
                if len(found) == limit:
                    return found
    return found


def load_profiles(
    connection: Connection, meters: Collection[str], *, after: int, until: int
) -> Iterator[IntervalRow]:
    """Rows of the load profiles of these meters as `intervals` keeps them: of intervals that end
    after one moment, and at or before another, POSIX seconds."""
    for meter in meters:
        yield from intervals_of(connection, meter, meter, after=after, until=until)


def _beyond(at: datetime, end: datetime | None, backwards: bool) -> bool:
    return end is not None and (at <= end if backwards else at >= end)


def _pages(
    connection: Connection, meter: str, begin: datetime, end: datetime | None, backwards: bool
) -> Iterator[tuple[Row, ...]]:
    """Pages that may hold these times, in their direction.  A page's day is the utility's, which no
    zone moves by more than a day from ours."""
    low, high = (end, begin) if backwards else (begin, end)
    query = DAY.select().where(_days.meter == meter, _days.profile == PROFILE)
    if low is not None:
        query = query.where(_days.day >= _near(low, -1))
    if high is not None:
        query = query.where(_days.day <= _near(high, 1))
    query = query.order_by(_days.day.desc() if backwards else _days.day)
    for page in connection.execute(query).yield_per(8):
        yield DAY.read(page).rows


def _near(time: datetime, days: int) -> date:
    day = time.astimezone(UTC).date()
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day


def _standing(rows: Collection[Row]) -> list[Row]:
    """The first that came of each interval, by time."""
    return sorted((row for row in rows if not row.quality & _AGAIN), key=lambda row: row.at)


def _row(connection: Connection, row: Row, layouts: dict[int, Layout]) -> dict[Quantity, Measured]:
    layout = layouts.get(row.layout)
    if layout is None:
        layout = layouts[row.layout] = stored_layout(connection, row.layout)
    at, doubtful = datetime.fromtimestamp(row.at, UTC), bool(row.quality & _DOUBTFUL)
    found: dict[Quantity, Measured] = {}
    for column, cell in zip(layout.columns, row.cells, strict=True):
        quantity = BY_NAME.get(column.name)
        if quantity is None or column.attribute != 2 or column.index or quantity in found:
            continue
        value: float | None = None
        if isinstance(cell, int) and column.unit in (quantity.code, None):
            value = float(Decimal(cell).scaleb(column.scaler or 0))
        elif isinstance(cell, float):
            value = cell * 10.0 ** (column.scaler or 0)
        found[quantity] = Measured(at, value, doubtful)
    return found


def _read_apart(connection: Connection, meter: str) -> Iterator[tuple[Quantity, Measured]]:
    """The newest value of each register that was read by itself, or pushed."""
    newest = (
        select(_readings.name, func.max(_readings.at).label("at"))
        .where(
            _readings.meter == meter,
            _readings.name.in_(BY_NAME),
            _readings.attribute == 2,
            _readings.value.is_not(None),
        )
        .group_by(_readings.name)
        .subquery()
    )
    query = (
        READING.select()
        .join(newest, (newest.c.name == _readings.name) & (newest.c.at == _readings.at))
        .where(_readings.meter == meter, _readings.attribute == 2, _readings.value.is_not(None))
        .order_by(_readings.line)
    )
    for line in connection.execute(query):
        reading = READING.read(line)
        quantity = BY_NAME[reading.name]
        value = _in_base(reading.value or "", reading.unit, quantity)
        if value is not None:
            yield quantity, Measured(reading.at, value)


def _in_base(text: str, unit: str | None, quantity: Quantity) -> float | None:
    symbol = UNITS[quantity.code].symbol
    power = {symbol: 0, f"k{symbol}": 3}.get(unit or "", None)
    if power is None:
        return None
    try:
        return float(Decimal(text).scaleb(power))
    except (InvalidOperation, ValueError):
        return None
