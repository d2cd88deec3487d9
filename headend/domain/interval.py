"""Rows of meters' profiles as the head-end keeps them: each interval once, a page for each day."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

Cell = int | float | str | bytes | None


class RowQuality(enum.IntFlag):
    """What is odd about a row.  What the meter itself says of it stands in its status column."""

    GOOD = 0
    LATE = 1  # came long after its time
    CHANGED = 2  # not the first that came for its interval, and another value
    CLOCK_DOUBTFUL = 4  # its clock status says invalid or doubtful
    OFF_PERIOD = 8  # does not stand on a whole capture period
    AHEAD = 16  # of a time that had not come yet when it arrived
    PLACED = 32  # its time is not the one it told: it follows from the rows beside it, or the zone


class Row(NamedTuple):
    """One row.  `cells` are as the meter counts, in the order of the layout's columns; the clock's
    is None, because `at` tells it."""

    at: int  # POSIX seconds: the end of its interval
    came: int  # POSIX seconds: when it was received
    layout: int  # which columns it has: a layout's number in the store
    quality: int  # RowQuality
    cells: tuple[Cell, ...]


class Span(NamedTuple):
    """Where a day of the utility's calendar begins and ends, POSIX seconds."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class IntervalDay:
    """The rows of one profile of one meter that ended in one day of the utility's calendar: after
    its midnight, up to and with the next.

    `expected` counts the capture periods of the day, 0 where rows come on events; `received` those
    that are here.
    """

    meter: str
    profile: str  # logical name
    day: date
    expected: int
    received: int
    late: int
    changed: int
    updated_at: datetime
    rows: tuple[Row, ...] = field(repr=False)

    @property
    def complete(self) -> bool:
        return self.received >= self.expected


@dataclass(frozen=True, slots=True)
class CollectedBlock:
    """What one reading of one meter brought, as it came; never changed.

    (`source`, `meter`, `task`, `number`, `read_at`) names it for ever; `source` is the concentrator
    that read it.  `octets` is the profile's buffer in A-XDR.
    """

    source: str
    meter: str
    task: str
    number: int
    read_at: datetime
    received_at: datetime
    layout: int | None = None
    rows: int = 0
    octets: bytes = field(default=b"", repr=False)
    trouble: str = ""  # why it could not be decoded
