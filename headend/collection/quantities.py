"""Rows of a load profile as the quantities that analysis reads by the million (`intervals`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from headend.domain.interval import Cell, Row, RowQuality
from headend.ports import IntervalRow
from protocols.concentrator.collecting import Layout

LOAD_PROFILE = "1.0.99.1.0.255"
_STATUS_CLASS = 1
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
    status, places = _places(layout)
    return [
        (meter, row.at, _status(row, status), *(_quantity(row, *place) for place in places))
        for row in rows
        if not row.quality & RowQuality.OFF_PERIOD
    ]


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


def _status(row: Row, place: int | None) -> int:
    cell = None if place is None else row.cells[place]
    return cell if isinstance(cell, int) else 0


def _quantity(row: Row, place: int | None, power: int) -> int | None:
    """The count in the table's unit; None where there is none, or it would have to be rounded."""
    cell: Cell = None if place is None else row.cells[place]
    if not isinstance(cell, int):
        return None
    if power >= 0:
        return cell * int(10**power)
    whole, rest = divmod(cell, int(10**-power))
    return None if rest else whole
