"""The rows of a buffer that was read: how many, and up to when, by the meter's own clock.

A concentrator carries a buffer on as it came.  It looks at the times alone, by whole columns where
rows are plain, and row by row where a meter leaves out or abridges times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from typing import cast

import numpy as np

from protocols.dlms import axdr, tolerant
from protocols.dlms.objects.capture import CaptureObject
from protocols.dlms.objects.profile import Row, clock_column, restored, rows_of, time_of
from protocols.dlms.procedures import RawBuffer
from protocols.dlms.procedures.steps import UnexpectedAnswer
from protocols.dlms.profile import NO_UNIT, Column, Decoder, Times
from protocols.dlms.values import Array, EncodedValue, Structure, Value
from protocols.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Rows:
    """`newest` is the newest row's time, POSIX seconds; None where no row has one."""

    octets: bytes
    count: int
    newest: float | None
    _rows: Sequence[tuple[Row, float | None]] = ()

    @classmethod
    def of(cls, raw: RawBuffer) -> Rows:
        """Raises `UnexpectedAnswer` for octets that are no rows."""
        value = raw.value
        octets = value.octets if isinstance(value, EncodedValue) else axdr.encode(value)
        sources = tuple(column.source for column in raw.captured.columns)
        if isinstance(value, EncodedValue):
            if (plain := _plain(octets, sources)) is not None:
                return plain
            value, octets = _decoded(octets)
        return cls._one_by_one(octets, value, sources, raw.captured.period_s)

    @classmethod
    def _one_by_one(
        cls, octets: bytes, value: Value, sources: tuple[CaptureObject, ...], period_s: int
    ) -> Rows:
        clock = clock_column(sources)
        rows = rows_of(value)
        dated = restored(rows, sources, period_s)
        times = [None if clock is None else _posix(row, clock) for row in dated]
        newest = max((time for time in times if time is not None), default=None)
        return cls(octets, len(rows), newest, tuple(zip(rows, times, strict=True)))

    def at(self, moment: float) -> Array:
        """The rows of one time, where they were looked at one by one."""
        return Array([Structure(row) for row, time in self._rows if time == moment])


def _plain(octets: bytes, sources: tuple[CaptureObject, ...]) -> Rows | None:
    """Rows all of which tell a time that every calendar has; None for others."""
    clock = clock_column(sources)
    if clock is None:
        return None
    try:
        times = _decoder(sources).decode(octets)[clock]
    except ProtocolError:
        return None
    if not isinstance(times, Times) or not times.present.all():
        return None
    utc_s = times.utc_s
    if np.isnan(utc_s).any():
        return None
    return Rows(octets, len(utc_s), float(utc_s.max()) if len(utc_s) else None)


@lru_cache(maxsize=64)
def _decoder(sources: tuple[CaptureObject, ...]) -> Decoder:
    return Decoder(
        tuple(Column(each.class_id, each.instance, each.attribute, 0, NO_UNIT) for each in sources)
    )


def _decoded(octets: bytes) -> tuple[Value, bytes]:
    """The value at the begin of what came, and its octets: some meters send more behind it.  Rows
    that were not counted are carried on counted, so that whoever reads them reads all."""
    reader = axdr.Reader(octets)
    try:
        value = reader.value()
        rows = tolerant.all_rows(value, octets[reader.offset :])
        if rows is not None and len(rows) > len(cast("Array", value)):
            return rows, axdr.encode(rows)
        return value, octets[: reader.offset]
    except ProtocolError as error:
        raise UnexpectedAnswer(str(error)) from error


def _posix(row: Row, clock: int) -> float | None:
    """The row's time; one whose deviation is not told counts as UTC."""
    moment = time_of(row[clock]) if clock < len(row) else None
    if moment is None:
        return None
    try:
        time = moment.to_datetime()
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
