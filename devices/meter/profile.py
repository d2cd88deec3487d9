"""The load profile 1.0.99.1.0.255, class 7: a row every quarter hour, computed when asked for.

Rows stand at whole quarter hours of the meter's own clock.  They hold the time and the four energy
registers as they showed then, so rows and registers always agree.  A row's place in the buffer
counts from 1, the oldest (Blue Book 4.3.6: sorted fifo, access by range and by entry).
"""

from __future__ import annotations

from datetime import UTC, datetime

from devices.meter import meter_clock
from devices.meter.clients import NOBODY
from devices.meter.cosem import (
    CLOCK,
    PROFILE_GENERIC,
    REGISTER,
    Attribute,
    Context,
    CosemObject,
    Method,
    capture,
    constant,
    wrapped,
)
from devices.meter.meter_clock import TimeRules
from devices.meter.metering import watt_hours
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import SelectiveAccess
from protocols.dlms.values import (
    Array,
    DateTimeValue,
    DoubleLongUnsigned,
    Enum,
    LongUnsigned,
    OctetString,
    Structure,
    Value,
)

LOAD_PROFILE = LogicalName("1.0.99.1.0.255")
CLOCK_NAME = LogicalName("0.0.1.0.0.255")
ENERGIES = {
    "1.0.1.8.0.255": "active_import",
    "1.0.2.8.0.255": "active_export",
    "1.0.3.8.0.255": "reactive_import",
    "1.0.4.8.0.255": "reactive_export",
}
"""The four energy registers and what they integrate."""

CAPTURE_PERIOD_S = 900
ENTRIES_MAX = 40 * 96
"""Forty days: what a back-fill after a month without communication needs."""
FIRST_ROW = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
"""Meters were installed at this moment, and have no rows before it."""

SORT_FIFO = 1
BY_RANGE = 1
BY_ENTRY = 2

CAPTURE_OBJECTS = (
    capture(CLOCK, CLOCK_NAME, 2),
    *(capture(REGISTER, LogicalName(name), 2) for name in ENERGIES),
)


def row_times(context: Context) -> range:
    """The times of the rows that the buffer holds, oldest first, by the meter's clock."""
    newest = int(context.meter.time(context.now)) // CAPTURE_PERIOD_S * CAPTURE_PERIOD_S
    oldest = max(newest - (ENTRIES_MAX - 1) * CAPTURE_PERIOD_S, FIRST_ROW)
    return range(oldest, newest + 1, CAPTURE_PERIOD_S)


def _rows(context: Context, times: range, columns: slice = slice(None)) -> Array:
    meter = context.meter
    behind = meter.time(context.now) - context.now
    minutes = meter.rules

    def row(time: int) -> Structure:
        energy = meter.metering.energy(time - behind)
        clock = OctetString(meter_clock.shown(time, minutes).octets)
        counts = (wrapped(watt_hours(getattr(energy, quantity))) for quantity in ENERGIES.values())
        cells: tuple[Value, ...] = (clock, *counts)
        return Structure(cells[columns])

    return Array(map(row, times))


def _part(context: Context, selection: SelectiveAccess) -> Value | DataAccessResult:
    times = row_times(context)
    parameters = selection.parameters
    if type(parameters) is not Structure or len(parameters) != 4:
        return DataAccessResult.TYPE_UNMATCHED
    if selection.selector == BY_RANGE:
        return _by_range(context, times, parameters)
    if selection.selector == BY_ENTRY:
        return _by_entry(context, times, parameters)
    return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def _by_range(context: Context, times: range, asked: Structure) -> Value | DataAccessResult:
    restricting, *bounds, selected = asked
    if restricting != CAPTURE_OBJECTS[0]:  # only the clock orders the rows
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    if type(selected) is not Array:
        return DataAccessResult.TYPE_UNMATCHED
    if len(selected):
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED  # columns are selected by entry only
    first, last = (_moment(bound, context.meter.rules) for bound in bounds)
    if first is None or last is None:
        return DataAccessResult.TYPE_UNMATCHED
    begin, end = _place(times, first), _place(times, last)
    if last in times:
        end += 1
    return _rows(context, times[begin : max(begin, end)])


def _place(times: range, moment: float) -> int:
    """How many rows lie before `moment`."""
    return min(max(-int((times.start - moment) // CAPTURE_PERIOD_S), 0), len(times))


def _moment(bound: Value, rules: TimeRules) -> float | None:
    octets = bound.moment.octets if isinstance(bound, DateTimeValue) else bound
    if not isinstance(octets, bytes) or len(octets) != 12:
        return None
    return meter_clock.understood(octets, rules)


def _by_entry(context: Context, times: range, asked: Structure) -> Value | DataAccessResult:
    kinds = (DoubleLongUnsigned, DoubleLongUnsigned, LongUnsigned, LongUnsigned)
    if any(type(a) is not kind for a, kind in zip(asked, kinds, strict=True)):
        return DataAccessResult.TYPE_UNMATCHED
    first, last, first_column, last_column = (int(a) for a in asked)  # type: ignore[arg-type]
    if first < 1 or first_column < 1:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    rows = times[first - 1 : last or None]  # 0 is the highest there is
    return _rows(context, rows, slice(first_column - 1, last_column or None))


load_profile = CosemObject(
    PROFILE_GENERIC,
    1,
    LOAD_PROFILE,
    {
        2: Attribute(
            lambda context: _rows(context, row_times(context)),
            read_part=_part,
            selectors=(BY_RANGE, BY_ENTRY),
        ),
        3: Attribute(constant(Array(CAPTURE_OBJECTS))),
        4: Attribute(constant(DoubleLongUnsigned(CAPTURE_PERIOD_S))),
        5: Attribute(constant(Enum(SORT_FIFO))),
        6: Attribute(constant(CAPTURE_OBJECTS[0])),
        7: Attribute(lambda context: DoubleLongUnsigned(len(row_times(context)))),
        8: Attribute(constant(DoubleLongUnsigned(ENTRIES_MAX))),
    },
    {1: Method(NOBODY), 2: Method(NOBODY)},
)
