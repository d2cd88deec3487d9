"""Activity calendar (class 20), special days (11), register activation (6) and the tariff scripts.

What is written lands in `tariff.Tariffs`, where it decides which register counts; here it is only
checked and turned into values and back.  Blue Book 4.5.5, 4.5.4, 4.3.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from devices.meter import tariff
from devices.meter.calendar import TARIFFS, Calendar, SpecialDay
from devices.meter.calendar_values import (
    PARTS,
    ROWS_MAX,
    TARIFF_SCRIPTS,
    BadCalendar,
    read_special,
    rows,
    special_value,
)
from devices.meter.clients import NOBODY, OPERATORS, READERS
from devices.meter.cosem import (
    ACTIVITY_CALENDAR,
    REGISTER,
    REGISTER_ACTIVATION,
    SCRIPT_TABLE,
    SPECIAL_DAYS,
    Attribute,
    Context,
    CosemObject,
    Method,
    constant,
    data,
)
from devices.meter.events import Event
from devices.meter.meter_type import MeterType
from devices.meter.registers import quantities
from devices.meter.tariff import Tariffs
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)

ACTIVATION = LogicalName("0.0.14.0.0.255")


# Class 20.


def _passive(
    field: str, show: Callable[[Calendar], Value], take: Callable[[Value], Any]
) -> Attribute:
    def write(context: Context, value: Value) -> DataAccessResult:
        try:
            taken = take(value)
        except BadCalendar as bad:
            return bad.result
        tariffs = context.meter.part(Tariffs)
        tariffs.passive = replace(tariffs.passive, **{field: taken})
        context.meter.happened(Event.PASSIVE_CALENDAR_PROGRAMMED, context.now)
        context.written(f"passive calendar {field}")
        return DataAccessResult.SUCCESS

    return Attribute(
        lambda context: show(context.meter.part(Tariffs).passive), READERS, write, OPERATORS
    )


def _active(show: Callable[[Calendar], Value]) -> Attribute:
    return Attribute(lambda context: show(context.meter.part(Tariffs).plan.calendar))


def _write_activation(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not OctetString or len(value) != 12:
        return DataAccessResult.TYPE_UNMATCHED
    context.meter.part(Tariffs).activation = bytes(value)
    context.written("activation of the passive calendar")
    return DataAccessResult.SUCCESS


def _activate(context: Context, parameter: Value | None) -> ActionResult:
    if type(parameter) is not Integer:
        return ActionResult.TYPE_UNMATCHED
    context.meter.part(Tariffs).activate(context.meter, context.now)
    context.written("passive calendar activated")
    return ActionResult.SUCCESS


_calendar = CosemObject(
    ACTIVITY_CALENDAR,
    0,
    LogicalName("0.0.13.0.0.255"),
    {
        **{2 + n: _active(show) for n, (_, show, _) in enumerate(PARTS)},
        **{6 + n: _passive(*each) for n, each in enumerate(PARTS)},
        10: Attribute(
            lambda context: OctetString(context.meter.part(Tariffs).activation),
            READERS,
            _write_activation,
            OPERATORS,
        ),
    },
    {1: Method(OPERATORS, _activate)},
)


# Class 11.


def _replace_special(context: Context, days: tuple[SpecialDay, ...]) -> None:
    context.meter.part(Tariffs).set_special_days(days, context.now)
    context.written(f"{len(days)} special days")


def _write_special(context: Context, value: Value) -> DataAccessResult:
    try:
        days = tuple(map(read_special, rows(value)))
    except BadCalendar as bad:
        return bad.result
    _replace_special(context, days)
    return DataAccessResult.SUCCESS


def _insert(context: Context, parameter: Value | None) -> ActionResult:
    if parameter is None:
        return ActionResult.TYPE_UNMATCHED
    try:
        day = read_special(parameter)
    except BadCalendar as bad:
        return ActionResult(bad.result)
    others = [d for d in context.meter.part(Tariffs).plan.special_days if d.index != day.index]
    if len(others) == ROWS_MAX:
        return ActionResult.OTHER_REASON
    _replace_special(context, tuple(sorted((*others, day), key=lambda each: each.index)))
    return ActionResult.SUCCESS


def _delete(context: Context, parameter: Value | None) -> ActionResult:
    if type(parameter) is not LongUnsigned:
        return ActionResult.TYPE_UNMATCHED
    days = context.meter.part(Tariffs).plan.special_days
    left = tuple(day for day in days if day.index != parameter)
    if len(left) == len(days):
        return ActionResult.OTHER_REASON
    _replace_special(context, left)
    return ActionResult.SUCCESS


_special_days = CosemObject(
    SPECIAL_DAYS,
    0,
    LogicalName("0.0.11.0.0.255"),
    {
        2: Attribute(
            lambda context: Array(
                map(special_value, context.meter.part(Tariffs).plan.special_days)
            ),
            READERS,
            _write_special,
            OPERATORS,
        )
    },
    {1: Method(OPERATORS, _insert), 2: Method(OPERATORS, _delete)},
)


# Class 6 and class 9: what a tariff is.


def _mask(number: int) -> bytes:
    return b"TARIFF%d" % number


def _activation(meter_type: MeterType) -> CosemObject:
    counted = list(quantities(meter_type))
    assigned = [
        Structure((LongUnsigned(REGISTER), OctetString(LogicalName(f"1.0.{c}.8.{n}.255"))))
        for n in range(1, TARIFFS + 1)
        for c in counted
    ]
    masks = [
        Structure(
            (
                OctetString(_mask(n)),
                Array(Unsigned((n - 1) * len(counted) + k + 1) for k in range(len(counted))),
            )
        )
        for n in range(1, TARIFFS + 1)
    ]
    return CosemObject(
        REGISTER_ACTIVATION,
        0,
        ACTIVATION,
        {
            2: Attribute(constant(Array(assigned))),
            3: Attribute(constant(Array(masks))),
            4: Attribute(lambda context: OctetString(_mask(_present(context))), historic=True),
        },
        {index: Method(NOBODY) for index in (1, 2, 3)},
    )


def _present(context: Context) -> int:
    return tariff.present(context.meter, context.now)


def _script(number: int) -> Structure:
    write = Structure(
        (
            Enum(1),  # write an attribute
            LongUnsigned(REGISTER_ACTIVATION),
            OctetString(ACTIVATION),
            Integer(4),
            OctetString(_mask(number)),
        )
    )
    return Structure((LongUnsigned(number), Array([write])))


def calendar_objects(meter_type: MeterType) -> Iterator[CosemObject]:
    """What makes tariffs switch."""
    yield _calendar
    yield _special_days
    yield _activation(meter_type)
    yield CosemObject(
        SCRIPT_TABLE,
        0,
        TARIFF_SCRIPTS,
        {2: Attribute(constant(Array(map(_script, range(1, TARIFFS + 1)))))},
        {1: Method(NOBODY)},  # the calendar alone runs them
    )
    yield data(
        "0.0.96.14.0.255",
        lambda context: Unsigned(_present(context)),
        readers=READERS,
        historic=True,
    )
