"""Demand (class 5), maximum demand (class 4), and what ends a billing period.

Blue Book 4.3.3, 4.3.4, 4.5.2 and 4.5.7; logical names: IEC 62056-6-1.
"""

from __future__ import annotations

from collections.abc import Iterator

from devices.meter import billing, demand
from devices.meter.billing import Billing
from devices.meter.clients import NOBODY, OPERATORS, READERS
from devices.meter.cosem import (
    DEMAND_REGISTER,
    EXTENDED_REGISTER,
    PROFILE_GENERIC,
    SCRIPT_TABLE,
    SINGLE_ACTION_SCHEDULE,
    UNIT_VAR,
    UNIT_W,
    Attribute,
    Context,
    CosemObject,
    Method,
    constant,
    data,
    scaler_unit,
)
from devices.meter.history import Deed
from devices.meter.meter_clock import NOT_SPECIFIED, octets
from devices.meter.meter_type import MeterType
from devices.meter.registers import QUANTITIES, quantities
from devices.meter.schedule import Never
from devices.meter.tariff import TARIFFS
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

BILLING_SCRIPTS = LogicalName("0.0.10.0.1.255")
BILLING_PROFILE = LogicalName("1.0.98.1.0.255")
SCRIPT_RESET = 1


def _clock(context: Context, world: float | None) -> OctetString:
    """A moment as the meter's clock showed it."""
    if world is None:
        return OctetString(NOT_SPECIFIED)
    piece = context.meter.timeline.at(world)
    return OctetString(octets(piece.meter_time(world), piece.rules))


# Averages.


def _average(meter_type: MeterType, c: int) -> CosemObject:
    quantity = QUANTITIES[c]
    divisor = 10**meter_type.power_scaler

    def current(context: Context) -> Value:
        found = demand.current_average(context.meter, quantity, context.now)
        return DoubleLongUnsigned(found // divisor)

    def last(context: Context) -> Value:
        found = demand.last_average(context.meter, quantity, context.now)
        return DoubleLongUnsigned(found // divisor)

    def capture_time(context: Context) -> Value:
        end = demand.period_end(context.meter, context.now)
        return OctetString(octets(end, context.piece.rules))

    return CosemObject(
        DEMAND_REGISTER,
        0,
        LogicalName(f"1.0.{c}.4.0.255"),
        {
            2: Attribute(current, historic=True),
            3: Attribute(last, historic=True),
            4: Attribute(constant(scaler_unit(meter_type.power_scaler, _unit(c)))),
            5: Attribute(constant(Unsigned(0))),
            6: Attribute(capture_time, historic=True),
            7: Attribute(capture_time, historic=True),  # where one ends the next begins
            8: Attribute(constant(DoubleLongUnsigned(meter_type.demand_period_s))),
            9: Attribute(constant(LongUnsigned(meter_type.demand_periods))),
        },
        {1: Method(NOBODY), 2: Method(NOBODY)},
    )


def _unit(c: int) -> int:
    return UNIT_W if c < 3 else UNIT_VAR


# Maxima.


def _maximum(meter_type: MeterType, c: int, number: int) -> CosemObject:
    quantity = QUANTITIES[c]
    divisor = 10**meter_type.power_scaler

    def peak(context: Context) -> demand.Peak:
        meter, now = context.meter, context.now
        return demand.maxima(meter, quantity, billing.begun(meter, now), now)[number]

    return CosemObject(
        EXTENDED_REGISTER,
        0,
        LogicalName(f"1.0.{c}.6.{number}.255"),
        {
            2: Attribute(
                lambda context: DoubleLongUnsigned(peak(context).value // divisor), historic=True
            ),
            3: Attribute(constant(scaler_unit(meter_type.power_scaler, _unit(c)))),
            4: Attribute(constant(Unsigned(0))),
            5: Attribute(lambda context: _clock(context, peak(context).at), historic=True),
        },
        {1: Method(NOBODY)},
    )


def demand_objects(meter_type: MeterType) -> Iterator[CosemObject]:
    """Averages and maxima of active power, both ways if this type counts both."""
    tariffs = TARIFFS if "tariffs" in meter_type.features else 0
    for c in quantities(meter_type):
        if c > 2:
            continue
        yield _average(meter_type, c)
        for number in range(tariffs + 1):
            yield _maximum(meter_type, c, number)


# Resets.


def _execute(context: Context, parameter: Value | None) -> ActionResult:
    if type(parameter) is not LongUnsigned:
        return ActionResult.TYPE_UNMATCHED
    if parameter != SCRIPT_RESET:
        return ActionResult.OBJECT_UNDEFINED
    context.meter.part(Billing).reset(context.now)
    context.meter.record(context.now, Deed.PERIOD_ENDED, context.cause)
    return ActionResult.SUCCESS


def _script() -> Structure:
    """A reset captures a row of the billing profile, and with it the maxima begin anew."""
    row = Structure(
        (
            Enum(2),  # execute a method
            LongUnsigned(PROFILE_GENERIC),
            OctetString(BILLING_PROFILE),
            Integer(2),
            Integer(0),
        )
    )
    return Structure((LongUnsigned(SCRIPT_RESET), Array([row])))


_scripts = CosemObject(
    SCRIPT_TABLE,
    0,
    BILLING_SCRIPTS,
    {2: Attribute(constant(Array([_script()])))},
    {1: Method(OPERATORS, _execute)},
)


def _times(context: Context) -> Value:
    at = (context.meter.existing(Billing) or billing.DELIVERED).schedule
    found = billing.execution_time(at)
    return Array([] if found is None else [Structure(map(OctetString, found))])


def _write_times(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Array:
        return DataAccessResult.TYPE_UNMATCHED
    if len(value) > 1:
        return DataAccessResult.OTHER_REASON
    at = context.meter.part(Billing)
    if not value:
        at.reschedule(Never(), context.now)
        context.written("no billing resets")
        return DataAccessResult.SUCCESS
    row = value[0]
    if type(row) is not Structure or [type(each) for each in row] != [OctetString] * 2:
        return DataAccessResult.TYPE_UNMATCHED
    time, day = row
    assert isinstance(time, bytes)
    assert isinstance(day, bytes)
    if len(time) != 4 or len(day) != 5:
        return DataAccessResult.TYPE_UNMATCHED
    schedule = billing.schedule_of(bytes(day), bytes(time))
    if schedule is None:
        return DataAccessResult.OTHER_REASON
    at.reschedule(schedule, context.now)
    context.written("billing resets")
    return DataAccessResult.SUCCESS


_schedule = CosemObject(
    SINGLE_ACTION_SCHEDULE,
    0,
    LogicalName("0.0.15.0.0.255"),
    {
        2: Attribute(
            constant(Structure((OctetString(BILLING_SCRIPTS), LongUnsigned(SCRIPT_RESET))))
        ),
        3: Attribute(constant(Enum(1))),  # one time with wildcards
        4: Attribute(_times, READERS, _write_times, OPERATORS),
    },
)


def _counted(context: Context) -> Value:
    return Unsigned(billing.counted(context.meter, context.now) % 100)


def _last(context: Context) -> Value:
    known = billing.resets(context.meter, context.now)
    return _clock(context, known[-1] if known else None)


def billing_objects() -> Iterator[CosemObject]:
    """What ends a billing period, how often it was, and when last."""
    yield _scripts
    yield _schedule
    yield data("1.0.0.1.0.255", _counted, readers=READERS, historic=True)
    yield data("1.0.0.1.2.255", _last, readers=READERS, historic=True)
