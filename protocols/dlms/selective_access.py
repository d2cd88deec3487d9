"""Selective access to a profile's buffer: by range and by entry (Blue Book 4.3.6, class 7).

Both are typed parameters of a `SelectiveAccess`, for a client to build and a server to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.capture import CLOCK_CLASS, CaptureObject
from protocols.dlms.services import SelectiveAccess
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    LongUnsigned,
    OctetString,
    Structure,
    Value,
)

CLOCK_COLUMN = CaptureObject(CLOCK_CLASS, LogicalName("0.0.1.0.0.255"), 2)


@dataclass(frozen=True, slots=True)
class RangeDescriptor:
    """Rows whose value in the column `restricting` lies from `first` to `last`, both included.

    `columns` are those wanted, all of them where it is empty.
    """

    SELECTOR: ClassVar[int] = 1
    restricting: CaptureObject
    first: Value
    last: Value
    columns: tuple[CaptureObject, ...] = ()

    @classmethod
    def of_time(
        cls,
        first: DateTime,
        last: DateTime,
        columns: tuple[CaptureObject, ...] = (),
        clock: CaptureObject = CLOCK_COLUMN,
    ) -> Self:
        """Rows of a time; the bounds travel as octet-strings, which every meter understands."""
        return cls(clock, OctetString(first.octets), OctetString(last.octets), columns)

    @classmethod
    def from_value(cls, value: Value) -> Self:
        """Raises `shape.Misshapen`."""
        restricting, first, last, columns = shape.members(value, "range_descriptor", 4)[:4]
        return cls(
            CaptureObject.from_value(restricting),
            first,
            last,
            tuple(map(CaptureObject.from_value, shape.elements(columns, "selected_values"))),
        )

    def to_value(self) -> Structure:
        columns = Array(column.to_value() for column in self.columns)
        return Structure((self.restricting.to_value(), self.first, self.last, columns))

    def selection(self) -> SelectiveAccess:
        """The access selection of a request."""
        return SelectiveAccess(self.SELECTOR, self.to_value())


@dataclass(frozen=True, slots=True)
class EntryDescriptor:
    """Rows and columns by their place, counted from 1 and both ends included.

    A `last` of 0 means the highest there is.
    """

    SELECTOR: ClassVar[int] = 2
    first: int = 1
    last: int = 0
    first_column: int = 1
    last_column: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.first <= 0xFFFFFFFF or not 0 <= self.last <= 0xFFFFFFFF:
            raise ValueError(f"entries {self.first} to {self.last} do not fit")
        if not 1 <= self.first_column <= 0xFFFF or not 0 <= self.last_column <= 0xFFFF:
            raise ValueError(f"columns {self.first_column} to {self.last_column} do not fit")

    @classmethod
    def from_value(cls, value: Value) -> Self:
        """Raises `shape.Misshapen`."""
        what = "entry_descriptor"
        numbers = [shape.integer(part, what) for part in shape.members(value, what, 4)[:4]]
        try:
            return cls(*numbers)
        except ValueError as error:
            raise shape.Misshapen(str(error)) from error

    def to_value(self) -> Structure:
        return Structure(
            (
                DoubleLongUnsigned(self.first),
                DoubleLongUnsigned(self.last),
                LongUnsigned(self.first_column),
                LongUnsigned(self.last_column),
            )
        )

    def selection(self) -> SelectiveAccess:
        """The access selection of a request."""
        return SelectiveAccess(self.SELECTOR, self.to_value())


def read_selection(selection: SelectiveAccess) -> RangeDescriptor | EntryDescriptor:
    """For a server: what is asked for.  Raises `shape.Misshapen`, also for another selector."""
    for kind in (RangeDescriptor, EntryDescriptor):
        if selection.selector == kind.SELECTOR:
            return kind.from_value(selection.parameters)
    raise shape.Misshapen(f"selector {selection.selector} selects nothing of a profile")
