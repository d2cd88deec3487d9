"""The clock's object, class 8 version 0: reading it, setting it, and how local time is made.

Blue Book 4.5.1.  Setting and shifting it end in `MeterState.set_clock`, which decides whether that
is a synchronisation or an adjustment that marks rows and logs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from devices.meter import meter_clock
from devices.meter.clients import ALL, OPERATORS
from devices.meter.columns import clock_column
from devices.meter.cosem import (
    CLOCK,
    Attribute,
    Context,
    CosemObject,
    Invoke,
    Method,
    constant,
    data,
)
from devices.meter.events import Event
from devices.meter.parts import Passive
from devices.meter.profile import CLOCK_NAME
from devices.meter.timeline import SHIFT_LIMIT_S
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.date_time import ClockStatus
from protocols.dlms.values import (
    Boolean,
    Enum,
    Integer,
    Long,
    OctetString,
    Structure,
    Unsigned,
    Value,
)

QUARTER_S = 900
SHIFT_MAX_S = 900
"""Blue Book 4.5.1, shift_time: -900 to 900 seconds."""


@dataclass(slots=True)
class Preset(Passive):
    """What method 5 left for method 4: a time, and between which times it may be taken."""

    time: float | None = None
    begin: float = 0.0
    end: float = 0.0


# Attributes.


def _write_time(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not OctetString or len(value) != 12:
        return DataAccessResult.TYPE_UNMATCHED
    moment = meter_clock.understood(value, context.meter.rules)
    if moment is None:
        return DataAccessResult.OTHER_REASON
    context.meter.set_clock(moment, now=context.now)
    context.written("clock")
    return DataAccessResult.SUCCESS


def _rule(
    field: str,
    show: Callable[[Context], Value],
    kind: type[Any],
    take: Callable[[Any], Any],
) -> Attribute:
    """One of the rules for local time."""

    def write(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not kind:
            return DataAccessResult.TYPE_UNMATCHED
        try:
            taken = take(value)
        except ValueError:
            return DataAccessResult.OTHER_REASON
        meter = context.meter
        meter.set_rules(replace(meter.rules, **{field: taken}), now=context.now)
        if field == "dst_enabled":
            meter.happened(Event.DAYLIGHT_SAVING_CHANGED, context.now)
        context.written(field)
        return DataAccessResult.SUCCESS

    return Attribute(show, ALL, write, OPERATORS)


def _octets(value: OctetString) -> bytes:
    if len(value) != 12:
        raise ValueError("a date-time has 12 octets")
    return bytes(value)


def _within(limit: int) -> Callable[[int], int]:
    def take(value: int) -> int:
        if abs(value) > limit:
            raise ValueError(f"beyond {limit} minutes")
        return int(value)

    return take


def _zone(value: Long) -> int:
    return -_within(15 * 60)(int(value))


def _status(context: Context) -> Value:
    status = ClockStatus.OK if context.piece.valid else ClockStatus.INVALID
    if context.piece.rules.daylight_saving(context.meter_time):
        status |= ClockStatus.DAYLIGHT_SAVING
    return Unsigned(int(status))


# Methods.


def _to_nearest(period: Callable[[Context], int]) -> Invoke:
    def invoke(context: Context, parameter: Value | None) -> ActionResult:
        if type(parameter) is not Integer:
            return ActionResult.TYPE_UNMATCHED
        length = period(context)
        nearest = (context.meter_time + length / 2) // length * length
        return _moved(context, nearest)

    return invoke


def _moved(context: Context, meter_time: float) -> ActionResult:
    context.meter.set_clock(meter_time, now=context.now)
    context.written("clock")
    return ActionResult.SUCCESS


def _to_preset(context: Context, parameter: Value | None) -> ActionResult:
    if type(parameter) is not Integer:
        return ActionResult.TYPE_UNMATCHED
    preset = context.meter.part(Preset)
    if preset.time is None or not preset.begin <= context.meter_time <= preset.end:
        return ActionResult.OTHER_REASON
    time, preset.time = preset.time, None
    return _moved(context, time)


def _preset(context: Context, parameter: Value | None) -> ActionResult:
    if type(parameter) is not Structure or [type(p) for p in parameter] != [OctetString] * 3:
        return ActionResult.TYPE_UNMATCHED
    rules = context.meter.rules
    time, begin, end = (
        meter_clock.understood(bytes(each), rules)  # type: ignore[arg-type]
        for each in parameter
    )
    if time is None or begin is None or end is None:
        return ActionResult.OTHER_REASON
    preset = context.meter.part(Preset)
    preset.time, preset.begin, preset.end = time, begin, end
    context.written("preset adjusting time")
    return ActionResult.SUCCESS


def _shift(context: Context, parameter: Value | None) -> ActionResult:
    if type(parameter) is not Long:
        return ActionResult.TYPE_UNMATCHED
    if abs(parameter) > SHIFT_MAX_S:
        return ActionResult.OTHER_REASON
    return _moved(context, context.meter_time + int(parameter))


_clock = CosemObject(
    CLOCK,
    0,
    CLOCK_NAME,
    {
        2: Attribute(
            lambda context: OctetString(context.clock_octets()),
            ALL,
            _write_time,
            OPERATORS,
            historic=True,
            read_column=clock_column,
        ),
        3: _rule("utc_offset_min", lambda c: Long(-c.meter.rules.utc_offset_min), Long, _zone),
        4: Attribute(_status, ALL, historic=True),
        5: _rule("dst_begin", lambda c: OctetString(c.meter.rules.dst_begin), OctetString, _octets),
        6: _rule("dst_end", lambda c: OctetString(c.meter.rules.dst_end), OctetString, _octets),
        7: _rule(
            "dst_deviation_min",
            lambda c: Integer(c.meter.rules.dst_deviation_min),
            Integer,
            _within(120),
        ),
        8: _rule("dst_enabled", lambda c: Boolean(c.meter.rules.dst_enabled), Boolean, bool),
        9: Attribute(constant(Enum(1)), ALL),  # internal crystal
    },
    {
        1: Method(OPERATORS, _to_nearest(lambda _: QUARTER_S)),
        2: Method(OPERATORS, _to_nearest(lambda context: context.meter.type.capture_period_s)),
        3: Method(OPERATORS, _to_nearest(lambda _: 60)),
        4: Method(OPERATORS, _to_preset),
        5: Method(OPERATORS, _preset),
        6: Method(OPERATORS, _shift),
    },
    visible=ALL,
)


def clock_objects() -> Iterator[CosemObject]:
    """The clock, and from which shift on it counts as adjusted."""
    yield _clock
    yield data("1.0.0.9.11.255", constant(Unsigned(SHIFT_LIMIT_S)))
