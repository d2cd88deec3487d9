"""Access to the buffer of a profile, class 7: whole, by range, by entry, and by column.

Blue Book 4.3.6, access selectors: a range is of any captured object of a simple type, from the
oldest or smallest to the newest or largest value, both included.  Rows and columns count from 1,
the oldest row first; the last of either may be 0, the highest there is.  For a first of 0, which
no entry has, the standard names no code: it is outside of what can be accessed.  What the rows
are, captured values or the lines of a log, is the buffer's affair.
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
    NullData,
    OctetString,
    Structure,
    Utf8String,
    Value,
    VisibleString,
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

    def array(self, places: Iterable[int], columns: Sequence[int]) -> Value:
        """The same, as an array of structures."""
        ...


def whole(buffer: Buffer) -> Value:
    """Every row."""
    return buffer.array(range(len(buffer)), range(len(buffer.columns)))


def part(
    buffer: Buffer, selection: SelectiveAccess, restricting: Structure, rules: TimeRules
) -> Value | DataAccessResult:
    """The rows and columns that a selective access asks for.

    `restricting` is the clock: a range of it may leave parts of its bounds open.
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
    if type(selected) is not Array:
        return DataAccessResult.TYPE_UNMATCHED
    if by != restricting and by not in buffer.columns:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    columns: Sequence[int] = range(len(buffer.columns))
    if selected:
        if any(each not in buffer.columns for each in selected):
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        wanted = set(selected)
        columns = [n for n, column in enumerate(buffer.columns) if column in wanted]
    if by == restricting:
        first = _bound(first_bound, rules, last=False)
        last = _bound(last_bound, rules, last=True)
        if first is None or last is None:
            return DataAccessResult.TYPE_UNMATCHED
        return buffer.array(buffer.between(first, last), columns)
    assert isinstance(by, Structure)
    places = _within(buffer, buffer.columns.index(by), first_bound, last_bound)
    return DataAccessResult.TYPE_UNMATCHED if places is None else buffer.array(places, columns)


def _within(buffer: Buffer, at: int, first: Value, last: Value) -> list[int] | None:
    """The places of the rows whose value in one column is not below `first` nor above `last`; None
    where these cannot be compared with it.  A value that is missing is in no range."""
    least, most = _ordered(first), _ordered(last)
    if least is None or most is None:
        return None
    places = []
    for place, (cell,) in enumerate(buffer.rows(range(len(buffer)), (at,))):
        value = _ordered(cell)
        if value is None or isinstance(cell, NullData):
            continue
        if not value[0] == least[0] == most[0]:
            return None
        if least <= value <= most:
            places.append(place)
    return places


def _ordered(value: Value) -> tuple[int, float, bytes] | None:
    """A value of a simple type by its kind, and what it is compared by: numbers with numbers of any
    type, strings with strings."""
    if isinstance(value, NullData):
        return 0, 0, b""
    if isinstance(value, float) or isinstance(value, int):
        return 1, value, b""
    if isinstance(value, OctetString):
        return 2, 0, bytes(value)
    if isinstance(value, VisibleString):
        return 3, 0, value.encode("latin-1")
    if isinstance(value, Utf8String):
        return 4, 0, value.encode("utf-8", "surrogateescape")
    return None


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
    return buffer.array(range(len(buffer))[first - 1 : last or None], columns)
