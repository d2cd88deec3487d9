"""Access to the buffer of a profile, class 7: whole, by range of time, by entry, and by column.

Blue Book 4.3.6: rows count from 1, the oldest; an entry 0 is the last there is.  What the rows are,
captured values or the lines of a log, is the buffer's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from devices.meter import meter_clock
from devices.meter.meter_clock import TimeRules
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.services import SelectiveAccess
from protocols.dlms.values import (
    Array,
    DateTimeValue,
    DoubleLongUnsigned,
    LongUnsigned,
    Structure,
    Value,
)

BY_RANGE = 1
BY_ENTRY = 2


class Buffer(Protocol):
    """Rows, oldest first."""

    columns: tuple[Structure, ...]
    """Their `capture_object_definition`s."""

    def __len__(self) -> int: ...

    def between(self, first: float, last: float) -> Iterable[int]:
        """The places, from 0, of the rows between two moments of the meter's clock."""
        ...

    def rows(self, places: Iterable[int], columns: Sequence[int]) -> Iterable[Structure]:
        """Some columns of some rows."""
        ...


def whole(buffer: Buffer) -> Array:
    """Every row."""
    return Array(buffer.rows(range(len(buffer)), range(len(buffer.columns))))


def part(
    buffer: Buffer, selection: SelectiveAccess, restricting: Structure, rules: TimeRules
) -> Value | DataAccessResult:
    """The rows and columns that a selective access asks for.

    `restricting` is the one column that a range can be of: the clock.
    """
    parameters = selection.parameters
    if type(parameters) is not Structure or len(parameters) != 4:
        return DataAccessResult.TYPE_UNMATCHED
    if selection.selector == BY_RANGE:
        return _by_range(buffer, parameters, restricting, rules)
    if selection.selector == BY_ENTRY:
        return _by_entry(buffer, parameters)
    return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def _by_range(
    buffer: Buffer, asked: Structure, restricting: Structure, rules: TimeRules
) -> Value | DataAccessResult:
    by, first_bound, last_bound, selected = asked
    if by != restricting:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    if type(selected) is not Array:
        return DataAccessResult.TYPE_UNMATCHED
    columns: Sequence[int] = range(len(buffer.columns))
    if selected:
        if any(each not in buffer.columns for each in selected):
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        wanted = set(selected)
        columns = [n for n, column in enumerate(buffer.columns) if column in wanted]
    first = _bound(first_bound, rules, last=False)
    last = _bound(last_bound, rules, last=True)
    if first is None or last is None:
        return DataAccessResult.TYPE_UNMATCHED
    return Array(buffer.rows(buffer.between(first, last), columns))


def _bound(value: Value, rules: TimeRules, *, last: bool) -> float | None:
    octets = value.moment.octets if isinstance(value, DateTimeValue) else value
    if not isinstance(octets, bytes) or len(octets) != 12:
        return None
    return meter_clock.bound(octets, rules, last=last)


def _by_entry(buffer: Buffer, asked: Structure) -> Value | DataAccessResult:
    kinds = (DoubleLongUnsigned, DoubleLongUnsigned, LongUnsigned, LongUnsigned)
    if any(type(a) is not kind for a, kind in zip(asked, kinds, strict=True)):
        return DataAccessResult.TYPE_UNMATCHED
    first, last, first_column, last_column = (int(a) for a in asked)  # type: ignore[arg-type]
    if first < 1 or first_column < 1:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    columns = range(len(buffer.columns))[first_column - 1 : last_column or None]
    return Array(buffer.rows(range(len(buffer))[first - 1 : last or None], columns))
