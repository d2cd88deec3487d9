"""A profile's buffer as rows: what meters leave out to save octets is put back.

A buffer is an array or a compact array of structures.  Null-data stands for the value of the row
before, in the column of the clock for one capture period later; delta types for the difference to
the row before (Blue Book 4.3.6.2, buffer; 4.1.5, delta types).  What cannot be put back stays as it
came: no reading is invented.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from protocols.dlms.date_time import DateTime
from protocols.dlms.flaws import Flaw, Told
from protocols.dlms.objects import shape
from protocols.dlms.objects.capture import CaptureObject
from protocols.dlms.objects.clock import later
from protocols.dlms.objects.units import Quantity, ScalerUnit
from protocols.dlms.row_times import Times, row_times, time_octets
from protocols.dlms.values import (
    Boolean,
    DateTimeValue,
    DeltaDoubleLong,
    DeltaDoubleLongUnsigned,
    DeltaInteger,
    DeltaLong,
    DeltaLongUnsigned,
    DeltaUnsigned,
    NullData,
    OctetString,
    Structure,
    Value,
)

PROFILE_CLASS = 7
DELTAS = (
    DeltaInteger,
    DeltaLong,
    DeltaDoubleLong,
    DeltaUnsigned,
    DeltaLongUnsigned,
    DeltaDoubleLongUnsigned,
)
Row = tuple[Value, ...]


class SortMethod(enum.IntEnum):
    """sort_method."""

    FIFO = 1
    LIFO = 2
    LARGEST = 3
    SMALLEST = 4
    NEAREST_TO_ZERO = 5
    FARTHEST_FROM_ZERO = 6


def newest_first(method: int | None) -> bool | None:
    """Whether a buffer begins with its newest row; None where it is in no order of time.  A meter
    that does not say how it sorts keeps rows as they come."""
    if method in (None, SortMethod.FIFO):
        return False
    return True if method == SortMethod.LIFO else None


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds, and how its numbers count where its object has a scaler and unit."""

    source: CaptureObject
    scale: ScalerUnit | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Rows with their columns.  `capture_period_s` 0 means: captured on an event.

    `flaws` says what was wrong with the octets of the buffer; what is odd about single rows, their
    `times` tell.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    capture_period_s: int = 0
    sort_method: SortMethod | None = None
    whole_buffer: bool = False  # the meter could not select, so more travelled than was asked for
    flaws: Flaw = Flaw.NONE

    @property
    def clock_column(self) -> int | None:
        """Which column holds the time of the rows."""
        return clock_column([column.source for column in self.columns])

    def time(self, row: Row) -> DateTime | None:
        """The time of a row, or None where it has none that can be read."""
        at = self.clock_column
        return None if at is None or at >= len(row) else time_of(row[at])

    def times(self) -> Times:
        """When each row was captured, as far as that can be told, and what is odd about it."""
        at = self.clock_column
        if at is None:
            return [Told(None, b"") for _ in self.rows]
        return row_times(
            [time_octets(row[at]) if at < len(row) else b"" for row in self.rows],
            self.capture_period_s,
            newest_first=newest_first(self.sort_method),
        )

    def quantities(self, row: Row) -> Iterator[Quantity | None]:
        """The row in engineering units; None where a cell is no number or has no unit."""
        for column, cell in zip(self.columns, row, strict=False):
            yield None if column.scale is None else column.scale.apply(cell)


def clock_column(columns: Sequence[CaptureObject]) -> int | None:
    """Which column holds the time of the rows: the first of a clock."""
    return next((at for at, column in enumerate(columns) if column.is_clock), None)


def time_of(cell: Value) -> DateTime | None:
    """The moment in a cell, or None."""
    try:
        return shape.moment(cell, "time of a row")
    except shape.Misshapen:
        return None


def rows_of(buffer: Value) -> tuple[Row, ...]:
    """The rows as they came.  Raises `shape.Misshapen`."""
    found = shape.elements(buffer, "buffer")
    return tuple(row if isinstance(row, Structure) else (row,) for row in found)


def restored(
    rows: Sequence[Row], columns: Sequence[CaptureObject], capture_period_s: int
) -> tuple[Row, ...]:
    """The rows with null-data and deltas replaced by what they stand for."""
    clock = clock_column(columns)
    before: list[Value] = []
    out = []
    for row in rows:
        if any(type(cell) in _STANDS_FOR for cell in row):
            row = tuple(
                _restored(cell, before[at] if at < len(before) else None, at == clock,
                          capture_period_s)
                for at, cell in enumerate(row)
            )  # fmt: skip
        out.append(tuple(row))
        before = list(row)
    return tuple(out)


_STANDS_FOR: frozenset[type[Any]] = frozenset((NullData, *DELTAS))


def _restored(cell: Value, before: Value | None, is_clock: bool, period_s: int) -> Value:
    if before is None:
        return cell
    if isinstance(cell, NullData):
        return _next_time(before, period_s) or cell if is_clock else before
    if isinstance(cell, DELTAS) and isinstance(before, int) and not isinstance(before, Boolean):
        kind: Any = type(before)
        number = int(before) + int(cell)
        return kind(number) if kind.MIN <= number <= kind.MAX else cell
    return cell


def _next_time(before: Value, period_s: int) -> Value | None:
    moment = time_of(before)
    following = None if moment is None or not period_s else later(moment, period_s)
    if following is None:
        return None
    if isinstance(before, DateTimeValue):
        return DateTimeValue(following)
    return OctetString(following.octets)


def selected(
    rows: Sequence[Row], columns: Sequence[CaptureObject], first: DateTime, last: DateTime
) -> tuple[Row, ...]:
    """The rows from `first` to `last`, both included, by what their clock shows.

    Compared as wall-clock time where either side names no deviation, else as moments.  Rows whose
    time cannot be read are kept: whoever asked can judge them, and would else never see them.
    """
    clock = clock_column(columns)
    if clock is None:
        return tuple(rows)
    return tuple(
        row
        for row in rows
        if clock >= len(row)
        or (moment := time_of(row[clock])) is None
        or not _before(moment, first)
        and not _before(last, moment)
    )


def _before(one: DateTime, other: DateTime) -> bool:
    """Whether `one` is earlier; False where that cannot be told."""
    if one.deviation_min is None or other.deviation_min is None:
        one, other = replace(one, deviation_min=None), replace(other, deviation_min=None)
    try:
        return one.to_datetime() < other.to_datetime()
    except ValueError:
        return False
