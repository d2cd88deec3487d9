"""Rows as series of one quantity each, counted as the meter counts."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from headend.domain.interval import Row, RowQuality
from protocols.concentrator.collecting import Layout
from protocols.dlms.logical_name import LogicalName

_NOT_FIRST = int(RowQuality.CHANGED | RowQuality.OFF_PERIOD)


class Nature(enum.Enum):
    """What the values of a channel are, by value group D of its name (IEC 62056-6-1, 7.4)."""

    REGISTER = 8  # time integral 1: counts up for ever
    ENERGY = 29  # time integral 5: of the interval alone
    INSTANT = 7  # as it is at the time


class Channel(NamedTuple):
    """One quantity under one scaler and unit."""

    name: str  # logical name
    scaler: int
    unit: int  # code of the Blue Book

    @property
    def nature(self) -> Nature | None:
        """None for what is not of electricity, or of another kind."""
        name = LogicalName(self.name)
        if name[0] != 1:
            return None
        return next((each for each in Nature if each.value == name[3]), None)


class Point(NamedTuple):
    """A value, and the end of its interval in POSIX seconds."""

    at: int
    value: int


def series(rows: Iterable[Row], layouts: Mapping[int, Layout]) -> dict[Channel, list[Point]]:
    """The channels of rows, each in order of time, of each interval the row that stands."""
    found: dict[Channel, dict[int, int]] = {}
    for row in rows:
        if row.quality & _NOT_FIRST:
            continue
        for column, cell in zip(layouts[row.layout].columns, row.cells, strict=True):
            if column.scaler is None or column.unit is None or column.attribute != 2:
                continue
            if isinstance(cell, int):
                channel = Channel(column.name, column.scaler, column.unit)
                found.setdefault(channel, {}).setdefault(row.at, cell)
    return {
        channel: [Point(*each) for each in sorted(points.items())]
        for channel, points in found.items()
    }


def energies(points: Sequence[Point], period_s: int) -> list[Point]:
    """What a register gained in each interval of which both ends are known."""
    return [
        Point(after.at, after.value - before.value)
        for before, after in itertools.pairwise(points)
        if after.at - before.at == period_s
    ]
