"""A profile's buffer, as it was collected, to rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

import numpy as np

from headend.collection.row_clock import placed
from headend.domain.interval import Cell, Row, RowQuality
from headend.domain.utility_day import stands
from protocols.concentrator.collecting import ColumnTold, Layout
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.profile import NO_UNIT, Column, Decoder, Quantities, Series, Times
from protocols.dlms.values import Value
from protocols.errors import ProtocolError

AHEAD_S = 3600.0  # of our clock, before a row's time is odd


class Undecodable(ValueError):
    """The buffer is not what its layout says; the text says where."""


def rows_of(
    octets: bytes,
    layout: Layout,
    *,
    number: int,
    now: datetime,
    late_after_s: float,
    read_at: datetime | None = None,
    zone: tzinfo = UTC,
) -> list[Row]:
    """The rows of a buffer, each with its time; `number` is the layout's in the store.

    `read_at` is when the meter was read, where that is not just `now`, and `zone` where it hangs:
    they tell what a clock that is set wrongly means.

    Rows without a time that can be known are left out: they stay in the block.  Raises
    `Undecodable`.
    """
    try:
        series = _decoder(layout).decode(octets)
    except (ProtocolError, ValueError) as error:
        raise Undecodable(str(error)) from error
    clock = next((each for each in series if isinstance(each, Times)), None)
    if clock is None:
        if len(series) and _length(series[0]):
            raise Undecodable("no column holds the time of the rows")
        return []
    times, oddities = placed(clock, layout.period_s, read_at=read_at or now, zone=zone)
    columns = [_cells(each) for each in series]
    posix_s = now.timestamp()
    came = int(posix_s)
    rows = []
    for time, quality, cells in zip(times, oddities, zip(*columns, strict=True), strict=True):
        if time != time:  # not a number: no calendar has it, or its deviation is not known
            continue
        at = round(time)
        if posix_s - at > late_after_s:
            quality |= RowQuality.LATE
        if at - posix_s > AHEAD_S:
            quality |= RowQuality.AHEAD
        if not stands(at, layout.period_s, zone):
            quality |= RowQuality.OFF_PERIOD
        rows.append(Row(at, came, number, int(quality), cells))
    return rows


@lru_cache(maxsize=256)
def _decoder(layout: Layout) -> Decoder:
    return Decoder(tuple(map(_column, layout.columns)))


def _column(told: ColumnTold) -> Column:
    name = LogicalName(told.name)
    if told.scaler is None or told.unit is None:
        return Column(told.class_id, name, told.attribute, 0, NO_UNIT)
    return Column(told.class_id, name, told.attribute, told.scaler, told.unit)


def _length(series: Series) -> int:
    return len(series.present) if isinstance(series, Times | Quantities) else len(series.values)


def _cells(series: Series) -> Sequence[Cell]:
    if isinstance(series, Times):
        return [None] * len(series.present)
    if isinstance(series, Quantities):
        raw = series.raw
        values: list[Cell] = raw.tolist()
        # What is no number is none: it would not even be equal to itself when it comes again.
        present = series.present & ~np.isnan(raw) if raw.dtype.kind == "f" else series.present
        if not np.all(present):
            there = present.tolist()
            return [
                value if is_there else None for value, is_there in zip(values, there, strict=True)
            ]
        return values
    return [_other(value) for value in series.values]


def _other(value: Value | None) -> Cell:
    """A plain value that a database can keep."""
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool | int):
        return int(value)
    return None if value is None else repr(value)
