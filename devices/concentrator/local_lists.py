"""What a concentrator has written down, and its table of meters, as profiles (class 7 version 1).

The own event log is 0.0.99.98.0.255 and the fault log of the concentrator and its modem
0.0.99.98.5.255 (Blue Book 7.4.5); the table of meters is 0.0.99.128.0.255, a manufacturer's name
(Blue Book 7.2.2: value group D from 128 on).  Rows are made when asked for, from the same lists
that `read-state` and `read-fault-log` tell the head-end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from devices.concentrator import own_events, own_faults
from devices.concentrator.local_clock import RULES, shown
from devices.concentrator.local_cosem import Asked, Attribute, LocalObject
from devices.concentrator.self_report import place
from devices.meter import buffer
from devices.meter.buffer import BY_ENTRY, BY_RANGE
from devices.meter.cosem import DATA, PROFILE_GENERIC, capture
from devices.meter.profile import CLOCK_COLUMN, SORT_FIFO
from protocols.concentrator.upkeep import EventCode, EventEntry
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    NULL,
    Array,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Utf8String,
    Value,
)

EVENT_LOG = LogicalName("0.0.99.98.0.255")
FAULT_LOG = LogicalName("0.0.99.98.5.255")
METER_TABLE = LogicalName("0.0.99.128.0.255")
METERS_MAX = 4_096
"""Of the table, as its profile says (assumption)."""

EVENT_NUMBERS = {
    EventCode.CLOCK_SHIFTED: 5,  # IDIS package 2, 5.4: clock adjusted, new time
    EventCode.RESTARTED: 200,
    EventCode.TASKS_SET: 201,
    EventCode.MEMORY_FULL: 202,
    EventCode.METER_DISCOVERED: 203,
    EventCode.METER_ADMITTED: 204,
    EventCode.METER_REFUSED: 205,
    EventCode.FIRMWARE: 206,
}
"""How the log writes what happened.  From 200 on they are this concentrator's own, and so have no
words in anybody's table; the line's text says what they are."""

NOTHING = capture(0, LogicalName("0.0.0.0.0.0"), 0)
"""The sort object of what is not sorted (Blue Book 4.3.6)."""


def _own(number: int) -> Structure:
    """A column that no standard names: value group D is the manufacturer's from 128 on."""
    return capture(DATA, LogicalName(f"0.0.96.128.{number}.255"), 2)


EVENT_COLUMNS = (CLOCK_COLUMN, capture(DATA, LogicalName("0.0.96.11.0.255"), 2), _own(0))
FAULT_COLUMNS = (CLOCK_COLUMN, _own(1), _own(2), _own(3))
METER_COLUMNS = tuple(map(_own, range(16, 21)))

Row = tuple[Value, ...]


@dataclass(slots=True)
class Rows:
    """Rows at one moment, and where they have one the time of each (POSIX seconds)."""

    columns: tuple[Structure, ...]
    lines: Sequence[Row]
    times: Sequence[float] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def between(self, first: float, last: float) -> Iterator[int]:
        for number, time in enumerate(self.times):
            if first <= time <= last:
                yield number

    def rows(self, places: Iterable[int], columns: Sequence[int]) -> Iterator[Structure]:
        for number in places:
            yield Structure([self.lines[number][column] for column in columns])

    def array(self, places: Iterable[int], columns: Sequence[int]) -> Array:
        return Array(self.rows(places, columns))


def _events(asked: Asked) -> Rows:
    """The own event log."""
    entries = asked.concentrator.flash.events
    times = [entry.at.timestamp() for entry in entries]
    lines = [
        (
            shown(time),
            Unsigned(EVENT_NUMBERS[entry.code]),
            _told(entry),
        )
        for time, entry in zip(times, entries, strict=True)
    ]
    return Rows(EVENT_COLUMNS, lines, times)


def _told(entry: EventEntry) -> Utf8String:
    return Utf8String(f"{entry.code.value}: {entry.text}" if entry.text else entry.code.value)


def _faults(asked: Asked) -> Rows:
    """The fault log of the concentrator and of its modem, in order of time."""
    entries = asked.concentrator.fault_log()
    times = [entry.at.timestamp() for entry in entries]
    lines = [
        (shown(time), Utf8String(entry.component), LongUnsigned(entry.code), Utf8String(entry.text))
        for time, entry in zip(times, entries, strict=True)
    ]
    return Rows(FAULT_COLUMNS, lines, times)


def _meters(asked: Asked) -> Rows:
    """The table: number, whether registered, level, bearer, and when it was last heard."""
    ahead = timedelta(seconds=asked.concentrator.clock.error_s(asked.now))
    places = [
        place(entry, asked.now, asked.now, ahead) for entry in asked.concentrator.table.values()
    ]
    lines: list[Row] = [
        (
            OctetString(each.meter.encode()),
            Boolean(each.registered),
            Unsigned(each.level),
            NULL if each.link is None else Utf8String(each.link),
            NULL if each.last_heard is None else shown(each.last_heard.timestamp()),
        )
        for each in places
    ]
    return Rows(METER_COLUMNS, lines)


def _profile(
    name: LogicalName, read: Callable[[Asked], Rows], sorted_by: Structure, entries_max: int
) -> LocalObject:
    return LocalObject(
        PROFILE_GENERIC,
        1,
        name,
        {
            2: Attribute(
                lambda asked: buffer.whole(read(asked)),
                read_part=lambda asked, part: buffer.part(read(asked), part, sorted_by, RULES),
                selectors=(BY_RANGE, BY_ENTRY),
            ),
            3: Attribute(lambda asked: Array(read(asked).columns)),
            4: Attribute(lambda _: DoubleLongUnsigned(0)),
            5: Attribute(lambda _: Enum(SORT_FIFO)),
            6: Attribute(lambda _: sorted_by),
            7: Attribute(lambda asked: DoubleLongUnsigned(len(read(asked)))),
            8: Attribute(lambda _: DoubleLongUnsigned(entries_max)),
        },
        {1: None, 2: None},
    )


def lists() -> Iterator[LocalObject]:
    """The two logs and the table."""
    yield _profile(EVENT_LOG, _events, CLOCK_COLUMN, own_events.LINES_MAX)
    yield _profile(FAULT_LOG, _faults, CLOCK_COLUMN, own_faults.LINES_MAX)
    yield _profile(METER_TABLE, _meters, NOTHING, METERS_MAX)
