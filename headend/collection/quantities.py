"""Rows of a load profile as the quantities that analysis reads by the million (`intervals`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat

from headend.domain.interval import Cell, Row, RowQuality
from headend.ports import IntervalRow
from protocols.concentrator.collecting import Layout

LOAD_PROFILE = "1.0.99.1.0.255"
_STATUS_CLASS = 1
_OFF_PERIOD = int(RowQuality.OFF_PERIOD)
# The quantities in their order, and the power of ten they are kept in: Wh, varh, 0.1 V, 1/1000.
_QUANTITIES = (
    ("1.0.1.8.0.255", 0),
    ("1.0.2.8.0.255", 0),
    ("1.0.3.8.0.255", 0),
    ("1.0.4.8.0.255", 0),
    ("1.0.32.7.0.255", -1),
    ("1.0.52.7.0.255", -1),
    ("1.0.72.7.0.255", -1),
    ("1.0.13.7.0.255", -3),
)


def interval_rows(meter: str, layout: Layout, rows: Sequence[Row]) -> list[IntervalRow]:
    """The load profile's rows that stand for whole intervals; none of another profile."""
    if layout.profile != LOAD_PROFILE:
        return []
    whole = [row for row in rows if not row.quality & _OFF_PERIOD]
    if not whole:
        return []
    status, places = _places(layout)
    cells = list(zip(*(row.cells for row in whole), strict=True))
    nothing: tuple[Cell, ...] = (None,) * len(whole)
    columns = (
        _quantities(nothing if place is None else cells[place], power) for place, power in places
    )
    states = _states(nothing if status is None else cells[status])
    times = (row.at for row in whole)
    return list(zip(repeat(meter, len(whole)), times, states, *columns, strict=True))


@lru_cache(maxsize=256)
def _places(layout: Layout) -> tuple[int | None, tuple[tuple[int | None, int], ...]]:
    """Where the status stands, and each quantity with the power of ten to multiply by."""
    columns = {column.name: place for place, column in enumerate(layout.columns)}
    status = next(
        (place for place, each in enumerate(layout.columns) if each.class_id == _STATUS_CLASS), None
    )
    places = []
    for name, power in _QUANTITIES:
        place = columns.get(name)
        scaler = None if place is None else layout.columns[place].scaler
        places.append((None, 0) if scaler is None else (place, scaler - power))
    return status, tuple(places)


def _states(cells: Sequence[Cell]) -> list[int]:
    return [cell if isinstance(cell, int) else 0 for cell in cells]


def _quantities(cells: Sequence[Cell], power: int) -> list[int | None]:
    """Each count in the table's unit; None where there is none, or it would have to be rounded."""
    counts = [cell if isinstance(cell, int) else None for cell in cells]
    if power == 0:
        return counts
    if power > 0:
        unit = int(10**power)
        return [None if count is None else count * unit for count in counts]
    unit = int(10**-power)
    return [None if count is None or count % unit else count // unit for count in counts]
