"""Rows of a profile column by column, as one block of octets.

A row says what attributes said at its moment.  Where nothing about a meter ever changed, its clock
ran evenly, and its load knows its past by the array, a column can be worked out for all rows at
once: the same octets as row by row, which a test holds, at a tenth of the time.  An attribute that
can be read so brings a `ColumnRead`.

Source: Blue Book 4.3.6 (buffer: an array of structures), IEC 61334-6 (A-XDR).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from devices.meter import meter_clock
from devices.meter.load import Load
from devices.meter.meter_clock import TimeRules
from devices.meter.schedule import Segment
from devices.meter.timeline import Piece, Stretch
from protocols.dlms import axdr
from protocols.dlms.codes import DataTag
from protocols.dlms.date_time import ClockStatus
from protocols.dlms.objects.row_status import RowStatus
from protocols.dlms.values import EncodedValue

if TYPE_CHECKING:
    from devices.meter.state import MeterState

Octets = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

ROWS_MIN = 8
"""Fewer rows are faster one by one."""


@runtime_checkable
class ArrayLoad(Load, Protocol):
    """A load that answers for many moments at once, each answer the same as one by one."""

    def energies(self, now_ms: Integers) -> Integers:
        """The integrals up to these moments, in four rows as the fields of `Energy`."""
        ...

    def powers(self, now_s: Integers) -> tuple[Integers, Integers, Integers]:
        """Watts, vars and tenths of volts, each phases x moments."""
        ...


@dataclass(slots=True)
class Rows:
    """Some rows of an undisturbed meter."""

    meter: MeterState
    load: ArrayLoad
    piece: Piece
    times: range
    """By the meter's clock, POSIX seconds."""
    flags: RowStatus
    """What marks the first of them."""
    _energy: Integers | None = field(default=None)
    _powers: tuple[Integers, Integers, Integers] | None = field(default=None)

    @property
    def _now(self) -> Integers:
        # A meter that nobody set shows the world's time.
        return np.arange(self.times.start, self.times.stop, self.times.step, dtype=np.int64)

    def energy(self) -> Integers:
        """The four integrals at each row's moment."""
        if self._energy is None:
            self._energy = self.load.energies(self._now * 1000)
        return self._energy

    def powers(self) -> tuple[Integers, Integers, Integers]:
        """What each phase measures at each row's moment."""
        if self._powers is None:
            self._powers = self.load.powers(self._now)
        return self._powers


ColumnRead = Callable[[Rows], Octets]
"""The encoded cells of a column, one row of octets each, tags included."""


def undisturbed(meter: MeterState, segment: Segment, places: range) -> Rows | None:
    """These rows, where a column of them can be worked out at once."""
    piece, load = segment.stretch.piece, meter.metering.load
    if (
        len(places) < ROWS_MIN
        or meter.metering.spans is not None
        or piece.offset_steps
        or piece.drift_ppm
        or not isinstance(segment.times, range)
        or not isinstance(load, ArrayLoad)
    ):
        return None
    flags = RowStatus.OK if places.start else segment.flags
    return Rows(meter, load, piece, segment.times[places.start : places.stop], flags)


def array_of(rows: Rows, columns: Sequence[ColumnRead]) -> EncodedValue:
    """An array of structures."""
    cells = [column(rows) for column in columns]
    head = np.frombuffer(bytes((DataTag.STRUCTURE,)) + axdr.encode_length(len(cells)), np.uint8)
    count = len(rows.times)
    block = np.hstack([np.broadcast_to(head, (count, len(head))), *cells])
    return EncodedValue(bytes((DataTag.ARRAY,)) + axdr.encode_length(count) + block.tobytes())


def integers(kind: type[Any], read: Callable[[Rows], Integers]) -> ColumnRead:
    """A column of integers of this type.  It raises ValueError for one that does not fit."""
    layout, tag = np.dtype(f">{kind.FORMAT}"), int(kind.TAG)

    def column(rows: Rows) -> Octets:
        found = read(rows)
        if found.min() < kind.MIN or found.max() > kind.MAX:
            raise ValueError(f"a column holds what is no {kind.__name__}")
        cells = np.empty((len(found), 1 + layout.itemsize), np.uint8)
        cells[:, 0] = tag
        cells[:, 1:] = found.astype(layout).view(np.uint8).reshape(len(found), layout.itemsize)
        return cells

    return column


def power_factors(watts: Integers, var: Integers) -> Integers:
    """In 1/1000, rounded down; 1 where nothing flows."""
    squared = watts**2 + var**2
    share = 1_000_000 * watts**2 // np.maximum(squared, 1)
    root = np.sqrt(share.astype(np.float64)).astype(np.int64)  # of numbers up to 1,000,000
    root -= root * root > share
    root += (root + 1) * (root + 1) <= share
    return np.where(squared > 0, root, 1000)


def clock_column(rows: Rows) -> Octets:
    """The clock's date-time of each row."""
    return _clocks(rows.piece.rules, rows.piece.valid, rows.times)


def status_column(rows: Rows) -> Octets:
    """What each row is worth."""
    return _statuses(rows.piece, rows.times, rows.flags)


# Meters of a type share rules and schedule: a city asks for the same rows again and again.


@lru_cache(maxsize=64)
def _clocks(rules: TimeRules, valid: bool, times: range) -> Octets:
    status = ClockStatus.OK if valid else ClockStatus.INVALID
    shown = (b"\x09\x0c" + meter_clock.octets(float(time), rules, status) for time in times)
    return np.frombuffer(b"".join(shown), np.uint8).reshape(len(times), -1)


@lru_cache(maxsize=64)
def _statuses(piece: Piece, times: range, flags: RowStatus) -> Octets:
    segment = Segment(Stretch(piece, 0.0, 0.0, None, True), times, flags)
    worth = [int(segment.status(place)) for place in range(len(times))]
    return np.array([[DataTag.UNSIGNED, each] for each in worth], np.uint8)
