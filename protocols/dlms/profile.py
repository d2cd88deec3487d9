"""A profile's buffer to columns of numbers, fast: the rows of a load profile all look alike.

The general decoder makes an object of every cell; a head-end that collects a million profiles a day
needs the numbers only.  Here the first row is read octet by octet into a layout (which octets are
tags and lengths, which are content), and all rows that agree with it in those octets are taken at
once with NumPy.  A row that does not agree begins another layout, so every buffer that the general
decoder takes is taken here, only less fast: null-data for "as in the row before", a missing value,
another type.

Source: Blue Book 4.3.6 (profile generic: buffer, capture_objects; null-data for a value that equals
the one of the row before), 4.3.2 (scaler_unit), 4.1.6 (date-time); IEC 61334-6 (A-XDR).
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import DataTag
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import Array, CompactArray, Value
from protocols.errors import ProtocolError

Octets = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.number[Any]]  # int64, uint64 or float64

NO_UNIT = 255  # Blue Book 4.3.2: "no unit, unitless, count"
CLOCK_CLASS = 8
DATE_TIME_SIZE = 12
TOGETHER_MIN, TOGETHER_MAX = 4, 1024  # rows compared with a layout in one step

_NUMBERS: dict[int, np.dtype[np.generic]] = {
    DataTag.BOOLEAN: np.dtype("u1"),
    DataTag.DOUBLE_LONG: np.dtype(">i4"),
    DataTag.DOUBLE_LONG_UNSIGNED: np.dtype(">u4"),
    DataTag.BCD: np.dtype("i1"),
    DataTag.INTEGER: np.dtype("i1"),
    DataTag.LONG: np.dtype(">i2"),
    DataTag.UNSIGNED: np.dtype("u1"),
    DataTag.LONG_UNSIGNED: np.dtype(">u2"),
    DataTag.LONG64: np.dtype(">i8"),
    DataTag.LONG64_UNSIGNED: np.dtype(">u8"),
    DataTag.ENUM: np.dtype("u1"),
    DataTag.FLOAT32: np.dtype(">f4"),
    DataTag.FLOAT64: np.dtype(">f8"),
}
"""Types whose content is one number of fixed size."""

_SIZES = {tag: kind.itemsize for tag, kind in _NUMBERS.items()} | {DataTag.NULL_DATA: 0}
_I16, _U32, _U64 = np.dtype(">i2"), np.dtype(">u4"), np.dtype(">u8")
_STRINGS = (DataTag.OCTET_STRING, DataTag.VISIBLE_STRING)
_TIMES = frozenset((DataTag.OCTET_STRING, DataTag.DATE_TIME))
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_TIME_LIMITS = np.array((24, 60, 60, 100), np.uint8)  # hour, minute, second, hundredths
_MAY_BE_OPEN = np.array((False, False, True, True))  # not specified counts as zero
_SECONDS = np.array((3600.0, 60.0, 1.0, 0.01))
_DEVIATION_NOT_SPECIFIED = -0x8000


@dataclass(frozen=True, slots=True)
class Column:
    """What one place of each row holds: an entry of capture_objects, and its scaler_unit."""

    class_id: int
    instance: LogicalName
    attribute: int
    scaler: int = 0
    unit: int = NO_UNIT

    @property
    def is_clock(self) -> bool:
        """Whether octet strings of twelve octets are dates and times here."""
        return self.class_id == CLOCK_CLASS


@dataclass(frozen=True, slots=True, eq=False)
class Quantities:
    """A column of numbers.  Where `present` is False there is none, and it counts as 0."""

    column: Column
    cells: Numbers  # as they stand in the octets, in place; converted when asked for
    present: npt.NDArray[np.bool_]

    @property
    def raw(self) -> Numbers:
        """As the meter counts: int64, uint64 or float64."""
        kind = self.cells.dtype
        exact = np.float64 if kind.kind == "f" else np.uint64 if kind == _U64 else np.int64
        return self.cells.astype(exact)

    @property
    def scaled(self) -> Floats:
        """In the column's unit; NaN where there is none."""
        # Division by a power of ten is rounded once, multiplication by 0.1 twice.
        scaler = self.column.scaler
        scale = np.multiply if scaler >= 0 else np.divide
        values: Floats = scale(self.cells, 10.0 ** abs(scaler), dtype=np.float64)
        if np.count_nonzero(self.present) < len(values):
            values[~self.present] = np.nan
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """A column of the clock.  `octets` are rows of twelve, as they came; zeros where none came."""

    column: Column
    octets: Octets
    present: npt.NDArray[np.bool_]

    @property
    def deviation_min(self) -> npt.NDArray[np.int16]:
        """Minutes to add to local time to get UTC; -0x8000 is not specified."""
        return self.octets[:, 9:11].view(_I16)[:, 0].astype(np.int16)

    @property
    def status(self) -> Octets:
        """The clock status of each row."""
        return self.octets[:, 11]

    @property
    def local_s(self) -> Floats:
        """Local time as seconds since 1970-01-01 00:00 of the same clock, NaN where no calendar has
        it.  Seconds and hundredths that are not specified count as zero."""
        time = self.octets[:, 5:9]
        seconds: Floats = self._days() * 86_400.0
        if not (time >= _TIME_LIMITS).any():
            seconds += time @ _SECONDS
            return seconds
        time = np.where((time == 0xFF) & _MAY_BE_OPEN, 0, time)
        seconds += time @ _SECONDS
        seconds[np.any(time >= _TIME_LIMITS, axis=1)] = np.nan
        return seconds

    def _days(self) -> Floats:
        """Days since 1970-01-01; rows come by the day, so each date is looked up once in a row."""
        dates = self.octets[:, :4].view(_U32)[:, 0]  # year, month and day of month
        days = np.empty(len(dates))
        start = 0
        for end in (*(np.flatnonzero(dates[1:] != dates[:-1]) + 1).tolist(), len(dates)):
            if start < end:
                days[start:end] = _day(int(dates[start]))
            start = end
        return days

    @property
    def utc_s(self) -> Floats:
        """POSIX seconds; NaN where the time is none or the deviation is not specified."""
        deviation = self.deviation_min
        utc = self.local_s + deviation * 60.0
        unknown = deviation == _DEVIATION_NOT_SPECIFIED
        if unknown.any():
            utc[unknown] = np.nan
        return utc

    def filled_utc_s(self, capture_period_s: int) -> Floats:
        """As `utc_s`, where a row without a time stands one capture period after the row before.

        A meter may leave out a time that follows from the previous one (DSMR P3 companion standard
        4.2.2, 5.5 note 5).  Give a negative period where the newest row comes first.  Rows before
        the first time stay NaN.
        """
        utc, rows = self.utc_s, np.arange(len(self.present))
        last = np.maximum.accumulate(np.where(self.present, rows, -1))
        filled = utc[last] + (rows - last) * float(capture_period_s)
        return np.where(last < 0, np.nan, filled)


@dataclass(frozen=True, slots=True, eq=False)
class Others:
    """A column that holds neither numbers nor times all along: each cell as the general decoder
    gives it, None where none came."""

    column: Column
    values: tuple[Value | None, ...]


Series = Quantities | Times | Others


def decode(octets: bytes, columns: Sequence[Column]) -> tuple[Series, ...]:
    """One buffer; see `Decoder`."""
    return Decoder(columns).decode(octets)


class Decoder:
    """Buffers of one profile, which keeps in mind what its rows looked like last time.

    A head-end has one for each kind of profile; nothing of one buffer shows in the next.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._layout: _Layout | None = None

    def decode(self, octets: bytes) -> tuple[Series, ...]:
        """A profile's buffer, an array of structures, as one series for each column.

        Null-data takes the value of the row before; a clock that is null stays absent, because only
        who knows the capture period can say what it was (`Times.filled_utc_s`).  Raises
        ProtocolError with its offset for what is no array of structures, for rows of another length
        than the columns, and for trailing octets.
        """
        reader = Reader(octets)
        tag = reader.u8()
        if tag == DataTag.COMPACT_ARRAY:  # no tags that rows could be told apart by
            rows = axdr.decode(octets)
            assert isinstance(rows, CompactArray)
            return self.decode(axdr.encode(Array(axdr.elements(rows))))
        if tag != DataTag.ARRAY:
            raise ProtocolError(0, "a profile's buffer is an array")
        count = reader.count()
        pieces = self._pieces(octets, reader.offset, count)
        present = np.ones(count, bool)
        present.flags.writeable = False  # shared by the columns
        columns = enumerate(self._columns)
        return tuple([_series(column, at, pieces, octets, present) for at, column in columns])

    def _pieces(self, octets: bytes, offset: int, count: int) -> list[_Piece]:
        pieces: list[_Piece] = []
        layout = self._layout
        together, row = TOGETHER_MAX, 0
        while row < count:
            layout = layout or _layout(octets, offset, len(self._columns))
            tried = min(count - row, (len(octets) - offset) // layout.size, together)
            agreed = _agreeing(octets, offset, tried, layout) if tried else 0
            if agreed:
                _add(pieces, _Piece(row, offset, agreed, layout))
                row += agreed
                offset += agreed * layout.size
                self._layout = layout
            if agreed < tried or not tried:
                layout = None
            # More at a time while they agree, few where they keep changing.
            more = min(together * 4, TOGETHER_MAX)
            together = more if agreed == tried else max(TOGETHER_MIN, agreed)
        if offset != len(octets):
            raise ProtocolError(offset, f"{len(octets) - offset} trailing octets")
        return pieces


@dataclass(slots=True)
class _Cell:
    """One place in a layout: its type, and where its content stands behind the row's start."""

    tag: int
    start: int  # of the tag
    content: int
    end: int


@dataclass(slots=True)
class _Layout:
    """What a row looks like: which of its octets are content, and the cells that hold it."""

    size: int
    cells: list[_Cell]
    fixed: Octets  # FF where an octet is tag or length, 0 where it is content
    octets: Octets  # the row that it was read from


@dataclass(slots=True)
class _Piece:
    """Rows that follow each other and have one layout."""

    first: int
    at: int  # offset of the first row
    count: int
    layout: _Layout

    @property
    def rows(self) -> slice:
        return slice(self.first, self.first + self.count)

    def content(self, octets: bytes, cell: _Cell, kind: np.dtype[Any]) -> npt.NDArray[Any]:
        """That cell of every row, in place."""
        start = self.at + cell.content
        return np.ndarray((self.count,), kind, octets, start, (self.layout.size,))

    def times(self, octets: bytes, cell: _Cell) -> Octets:
        """The twelve octets of that cell in every row, in place."""
        start, shape = self.at + cell.content, (self.count, DATE_TIME_SIZE)
        return np.ndarray(shape, np.uint8, octets, start, (self.layout.size, 1))


def _add(pieces: list[_Piece], piece: _Piece) -> None:
    if pieces and pieces[-1].layout is piece.layout:
        pieces[-1].count += piece.count
    else:
        pieces.append(piece)


def _agreeing(octets: bytes, offset: int, tried: int, layout: _Layout) -> int:
    """How many of the next rows have this layout, up to the first that has not."""
    rows = np.ndarray((tried, layout.size), np.uint8, octets, offset)
    differing = (rows ^ layout.octets) & layout.fixed
    if not differing.any():
        return tried
    return int(differing.any(axis=1).argmax())


def _layout(octets: bytes, offset: int, width: int) -> _Layout:
    """Read one row.  Raises ProtocolError where it is no structure of `width` elements."""
    reader = Reader(octets, offset)
    if reader.u8() != DataTag.STRUCTURE:
        raise ProtocolError(offset, "a row of a profile is a structure")
    found = reader.length()
    if found != width:
        raise ProtocolError(offset + 1, f"a row of {found} values, {width} are captured")
    at, end, cells = reader.offset, len(octets), []
    for _ in range(width):
        size = _SIZES.get(octets[at]) if at < end else None
        if size is None or at + 1 + size > end:
            cell = _cell(octets, at, offset)
        else:
            cell = _Cell(octets[at], at - offset, at + 1 - offset, at + 1 + size - offset)
        cells.append(cell)
        at = offset + cell.end
    row = np.ndarray((at - offset,), np.uint8, octets, offset)
    fixed = bytearray(b"\xff" * len(row))
    for cell in cells:
        fixed[cell.content : cell.end] = bytes(cell.end - cell.content)
    return _Layout(len(row), cells, np.frombuffer(fixed, np.uint8), row)


def _cell(octets: bytes, start: int, row: int) -> _Cell:
    """A cell that is no number: a string, or anything else."""
    reader = Reader(octets, start)
    tag = reader.u8()
    if tag in _STRINGS:
        size = reader.length()
        content = reader.offset
        reader.take(size)
    else:
        # Its lengths may hide anywhere inside, so all of it belongs to the layout.
        reader.offset = start
        reader.value()
        content = reader.offset
    return _Cell(tag, start - row, content - row, reader.offset - row)


def _series(
    column: Column, at: int, pieces: list[_Piece], octets: bytes, everywhere: npt.NDArray[np.bool_]
) -> Series:
    cells = [piece.layout.cells[at] for piece in pieces]
    if len(cells) == 1 and (kind := _NUMBERS.get(cells[0].tag)):  # as nearly every column is
        return Quantities(column, pieces[0].content(octets, cells[0], kind), everywhere)
    if len(cells) == 1 and column.is_clock and cells[0].tag in _TIMES and _is_time(cells[0]):
        return Times(column, pieces[0].times(octets, cells[0]), everywhere)
    tags = {cell.tag for cell in cells} - {DataTag.NULL_DATA}
    if tags <= _NUMBERS.keys():
        return _quantities(column, cells, pieces, octets, everywhere.copy())
    if column.is_clock and tags <= _TIMES and all(map(_is_time, cells)):
        return _times(column, cells, pieces, octets, everywhere.copy())
    return _others(column, cells, pieces, octets)


def _quantities(
    column: Column,
    cells: list[_Cell],
    pieces: list[_Piece],
    octets: bytes,
    present: npt.NDArray[np.bool_],
) -> Quantities:
    raw: Numbers = np.zeros(len(present), _kind_of(cells))
    for cell, piece in zip(cells, pieces, strict=True):
        rows = piece.rows
        if cell.tag == DataTag.NULL_DATA:
            present[rows] = piece.first > 0 and present[piece.first - 1]
            raw[rows] = raw[piece.first - 1] if piece.first else 0
        else:
            raw[rows] = piece.content(octets, cell, _NUMBERS[cell.tag])
    return Quantities(column, raw, present)


def _kind_of(cells: list[_Cell]) -> np.dtype[Any]:
    """A type that holds these: integers stay exact, but where 64 bits with and without sign mix."""
    kinds = {_NUMBERS[cell.tag] for cell in cells if cell.tag != DataTag.NULL_DATA}
    if any(kind.kind == "f" for kind in kinds):
        return np.dtype(np.float64)
    if _U64 not in kinds:
        return np.dtype(np.int64)
    return _U64 if all(kind.kind == "u" for kind in kinds) else np.dtype(np.float64)


def _is_time(cell: _Cell) -> bool:
    return cell.tag == DataTag.NULL_DATA or cell.end - cell.content == DATE_TIME_SIZE


def _times(
    column: Column,
    cells: list[_Cell],
    pieces: list[_Piece],
    octets: bytes,
    present: npt.NDArray[np.bool_],
) -> Times:
    times = np.zeros((len(present), DATE_TIME_SIZE), np.uint8)
    for cell, piece in zip(cells, pieces, strict=True):
        if cell.tag == DataTag.NULL_DATA:
            present[piece.rows] = False
        else:
            times[piece.rows] = piece.times(octets, cell)
    return Times(column, times, present)


def _others(column: Column, cells: list[_Cell], pieces: list[_Piece], octets: bytes) -> Others:
    values: list[Value | None] = []
    for cell, piece in zip(cells, pieces, strict=True):
        for row in range(piece.count):
            if cell.tag == DataTag.NULL_DATA:
                values.append(values[-1] if values else None)
                continue
            start = piece.at + row * piece.layout.size + cell.start
            values.append(Reader(octets, start).value())
    return Others(column, tuple(values))


@lru_cache(maxsize=4096)  # eleven years of days
def _day(date: int) -> float:
    """Days since 1970-01-01 of year, month and day as they stand in four octets; NaN if none."""
    try:
        return datetime.date(date >> 16, date >> 8 & 0xFF, date & 0xFF).toordinal() - _EPOCH
    except ValueError:
        return math.nan
