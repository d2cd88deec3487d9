"""Event logs, event codes, alarm and error registers, interruptions: what the meter noticed.

Logs are profiles of class 7 whose rows are written when something happens (IDIS package 2, 5.4).
A register of alarms or errors is cleared by writing to it what shall be left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from devices.meter import buffer
from devices.meter.buffer import BY_ENTRY, BY_RANGE
from devices.meter.clients import NOBODY, OPERATORS, READERS
from devices.meter.cosem import (
    DATA,
    LIMITER,
    PROFILE_GENERIC,
    Attribute,
    Context,
    CosemObject,
    Method,
    capture,
    constant,
    data,
)
from devices.meter.events import ALARM_REGISTERS, LOG_ENTRIES, Entry, Event, Journal, Log
from devices.meter.limiter_object import LIMITER_NAME
from devices.meter.meter_type import MeterType
from devices.meter.profile import CLOCK_COLUMN, SORT_FIFO
from devices.meter.state import LONG_FAILURE_S
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)

POWER_FAILURES = LogicalName("1.0.99.97.0.255")
FAILURE_DURATION = LogicalName("0.0.96.7.19.255")
Lines = Callable[[Journal], Sequence[Entry]]
Cell = Callable[[Entry], Value]


def log_name(log: Log) -> LogicalName:
    """Where a log is read."""
    return LogicalName(f"0.0.99.98.{int(log)}.255")


def event_object(log: Log) -> LogicalName:
    """Where the code of its newest event is read."""
    return LogicalName(f"0.0.96.11.{int(log)}.255")


@dataclass(slots=True)
class Written:
    """The lines of a log at one moment."""

    columns: tuple[Structure, ...]
    lines: Sequence[Entry]
    cells: tuple[Cell, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def between(self, first: float, last: float) -> Iterator[int]:
        for place, line in enumerate(self.lines):
            if first <= line.meter_time <= last:
                yield place

    def rows(self, places: Iterable[int], columns: Sequence[int]) -> Iterator[Structure]:
        for place in places:
            yield Structure([self.cells[column](self.lines[place]) for column in columns])

    def array(self, places: Iterable[int], columns: Sequence[int]) -> Array:
        return Array(self.rows(places, columns))


def _log(
    name: LogicalName,
    columns: tuple[Structure, ...],
    cells: tuple[Cell, ...],
    lines: Lines,
    entries: int,
    clear: Callable[[Context], None],
) -> CosemObject:
    def now(context: Context) -> Written:
        return Written(columns, tuple(lines(context.meter.journal)), cells)

    def reset(context: Context, parameter: Value | None) -> ActionResult:
        if parameter is not None and type(parameter) is not Integer:
            return ActionResult.TYPE_UNMATCHED
        clear(context)
        context.meter.happened(Event.EVENT_LOG_CLEARED, context.now)
        context.written(f"{name} cleared")
        return ActionResult.SUCCESS

    return CosemObject(
        PROFILE_GENERIC,
        1,
        name,
        {
            2: Attribute(
                lambda context: buffer.whole(now(context)),
                read_part=lambda context, asked: buffer.part(
                    now(context), asked, CLOCK_COLUMN, context.meter.rules
                ),
                selectors=(BY_RANGE, BY_ENTRY),
            ),
            3: Attribute(constant(Array(columns))),
            4: Attribute(constant(DoubleLongUnsigned(0))),
            5: Attribute(constant(Enum(SORT_FIFO))),
            6: Attribute(constant(CLOCK_COLUMN)),
            7: Attribute(lambda context: DoubleLongUnsigned(len(now(context)))),
            8: Attribute(constant(DoubleLongUnsigned(entries))),
        },
        {1: Method(OPERATORS, reset), 2: Method(NOBODY)},
    )


def _time(line: Entry) -> Value:
    return OctetString(line.clock)


def _event_log(log: Log) -> CosemObject:
    columns = [CLOCK_COLUMN, capture(DATA, event_object(log), 2)]
    cells: list[Cell] = [_time, lambda line: Unsigned(line.number)]
    if log is Log.DISCONNECTOR:
        columns.append(capture(LIMITER, LIMITER_NAME, 3))
        cells.append(lambda line: DoubleLongUnsigned(line.extra))

    def clear(context: Context) -> None:
        context.meter.journal.clear(log)

    return _log(
        log_name(log),
        tuple(columns),
        tuple(cells),
        lambda journal: tuple(journal.logs.get(log, ())),
        LOG_ENTRIES[log],
        clear,
    )


def _failure_log() -> CosemObject:
    return _log(
        POWER_FAILURES,
        (CLOCK_COLUMN, capture(DATA, FAILURE_DURATION, 2)),
        (_time, lambda line: DoubleLongUnsigned(line.extra)),
        lambda journal: tuple(journal.power_failures),
        100,
        lambda context: context.meter.journal.power_failures.clear(),
    )


# Status words.


def _word(
    name: str,
    read: Callable[[Journal], int],
    write: Callable[[Journal, int], None],
    cleared: Event | None = None,
) -> CosemObject:
    def put(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not DoubleLongUnsigned:
            return DataAccessResult.TYPE_UNMATCHED
        write(context.meter.journal, int(value))
        if cleared is not None:
            context.meter.happened(cleared, context.now)
        context.written(f"{name} {int(value):08X}")
        return DataAccessResult.SUCCESS

    return CosemObject(
        DATA,
        0,
        LogicalName(name),
        {
            2: Attribute(
                lambda context: DoubleLongUnsigned(read(context.meter.journal)),
                READERS,
                put,
                OPERATORS,
            )
        },
    )


def _clear_errors(journal: Journal, left: int) -> None:
    journal.errors &= left


def _alarm_words(number: int) -> Iterator[CosemObject]:
    def leave(journal: Journal, left: int) -> None:
        journal.alarms[number] &= left

    def leave_raised(journal: Journal, left: int) -> None:
        journal.raised[number] &= left

    def let_through(journal: Journal, bits: int) -> None:
        journal.filters[number] = bits

    yield _word(
        f"0.0.97.98.{number}.255",
        lambda journal: journal.alarms[number],
        leave,
        Event.ALARM_REGISTER_CLEARED,
    )
    yield _word(
        f"0.0.97.98.{10 + number}.255", lambda journal: journal.filters[number], let_through
    )
    yield _word(
        f"0.0.97.98.{20 + number}.255", lambda journal: journal.raised[number], leave_raised
    )


def _last_code(log: Log) -> CosemObject:
    return data(
        str(event_object(log)),
        lambda context: Unsigned(context.meter.journal.last.get(log, 0)),
        readers=READERS,
    )


def event_objects(meter_type: MeterType) -> Iterator[CosemObject]:
    """Everything in which a meter says what it noticed."""
    logs = [log for log in Log if log is not Log.DISCONNECTOR or _switches(meter_type)]
    for log in logs:
        yield _event_log(log)
        yield _last_code(log)
    yield _failure_log()
    yield data(
        str(FAILURE_DURATION),
        lambda context: DoubleLongUnsigned(
            context.meter.journal.power_failures[-1].extra
            if context.meter.journal.power_failures
            else 0
        ),
        readers=READERS,
    )
    yield data("0.0.96.7.20.255", constant(LongUnsigned(LONG_FAILURE_S)), readers=READERS)
    yield data(
        "0.0.96.7.21.255",
        lambda context: LongUnsigned(context.meter.journal.failures_counted & 0xFFFF),
        readers=READERS,
    )
    yield _word("0.0.97.97.0.255", lambda j: j.errors, _clear_errors, Event.ERROR_REGISTER_CLEARED)
    for number in range(ALARM_REGISTERS):
        yield from _alarm_words(number)


def _switches(meter_type: MeterType) -> bool:
    return "disconnector" in meter_type.features
