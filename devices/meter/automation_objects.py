"""What a meter does by itself, as objects: pushes, schedules, their scripts, register monitors.

Push setup (class 40), single action schedules (22), script tables (9), register monitor (21).
"""

from __future__ import annotations

from collections.abc import Iterator

from devices.meter import action_schedule, push, scripts
from devices.meter.action_schedule import ActionSchedules
from devices.meter.clients import OPERATORS, READERS
from devices.meter.cosem import (
    PUSH_SETUP,
    REGISTER,
    REGISTER_MONITOR,
    SCRIPT_TABLE,
    SINGLE_ACTION_SCHEDULE,
    UNIT_V,
    Attribute,
    Context,
    CosemObject,
    Method,
    constant,
    kept,
    register,
)
from devices.meter.limiter import DISCONNECT_SCRIPTS, SCRIPT_DISCONNECT, ActionItem
from devices.meter.limiter_object import ACTIVE_POWER
from devices.meter.meter_type import MeterType
from devices.meter.monitor import MISSING_DV, SAG_DV, SWELL_DV, RegisterMonitor
from devices.meter.scripts import IMAGE_SCRIPTS, PUSH_SCRIPTS
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

LIST_MAX = 24
"""Elements of a push object list, execution times of a schedule, thresholds of a monitor."""


# Push.


def _is_list(value: Value) -> bool:
    kinds = [LongUnsigned, OctetString, Integer, LongUnsigned]
    return (
        isinstance(value, Array)
        and 0 < len(value) <= LIST_MAX
        and all(
            isinstance(row, Structure)
            and [type(each) for each in row] == kinds
            and len(row[1]) == 6  # type: ignore[arg-type]
            for row in value
        )
    )


def _is_method(value: Value) -> bool:
    return isinstance(value, Structure) and [type(each) for each in value] == [
        Enum,
        OctetString,
        Enum,
    ]


def _are_windows(value: Value) -> bool:
    return isinstance(value, Array) and all(
        isinstance(row, Structure)
        and [type(each) for each in row] == [OctetString] * 2
        and all(len(each) == 12 for each in row)  # type: ignore[arg-type]
        for row in value
    )


def _push_setup(name: LogicalName, *, by_module: bool) -> CosemObject:
    def invoke(context: Context, parameter: Value | None) -> ActionResult:
        if type(parameter) is not Integer:
            return ActionResult.TYPE_UNMATCHED
        pushed = push.trigger(context.meter, name, context.now)
        return ActionResult.SUCCESS if pushed else ActionResult.OTHER_REASON

    method = Structure((Enum(0), OctetString(b""), Enum(0)))
    if by_module:
        method = Structure((Enum(push.BY_MODULE), OctetString(push.GATEWAY), Enum(0)))
    return CosemObject(
        PUSH_SETUP,
        0,
        name,
        {
            2: kept(name, 2, push.delivered_objects(name), accept=_is_list),
            3: kept(name, 3, method, accept=_is_method),
            4: kept(name, 4, Array(), accept=_are_windows),
            5: kept(name, 5, LongUnsigned(0)),
            6: kept(name, 6, Unsigned(3)),
            7: kept(name, 7, LongUnsigned(60)),
        },
        {1: Method(OPERATORS, invoke)},
    )


# Schedules.


def _schedule(name: LogicalName, table: LogicalName, selector: int) -> CosemObject:
    def read(context: Context) -> Value:
        schedules = context.meter.existing(ActionSchedules)
        filled = None if schedules is None else schedules.filled.get(name)
        times = () if filled is None else filled.times
        return Array(Structure(map(OctetString, each)) for each in times)

    def write(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not Array:
            return DataAccessResult.TYPE_UNMATCHED
        if len(value) > LIST_MAX:
            return DataAccessResult.OTHER_REASON
        times = []
        for row in value:
            if type(row) is not Structure or [type(each) for each in row] != [OctetString] * 2:
                return DataAccessResult.TYPE_UNMATCHED
            clock, day = row
            assert isinstance(clock, bytes)
            assert isinstance(day, bytes)
            times.append((bytes(clock), bytes(day)))
        if not action_schedule.valid(tuple(times)):
            return DataAccessResult.TYPE_UNMATCHED
        context.meter.part(ActionSchedules).fill(
            context.meter, name, (table, selector), tuple(times), context.now
        )
        context.written(f"{name} runs at {len(times)} times")
        return DataAccessResult.SUCCESS

    script = Structure((OctetString(table), LongUnsigned(selector)))
    return CosemObject(
        SINGLE_ACTION_SCHEDULE,
        0,
        name,
        {
            2: Attribute(constant(script)),
            3: Attribute(constant(Enum(2))),  # times of any form
            4: Attribute(read, READERS, write, OPERATORS),
        },
    )


# Scripts.


def _script_table(table: LogicalName) -> CosemObject:
    def invoke(context: Context, parameter: Value | None) -> ActionResult:
        if type(parameter) is not LongUnsigned:
            return ActionResult.TYPE_UNMATCHED
        if (table, int(parameter)) not in scripts.SCRIPTS:
            return ActionResult.OBJECT_UNDEFINED
        context.meter.execute(table, int(parameter), now=context.now, cause=context.cause)
        return ActionResult.SUCCESS

    rows = [
        Structure(
            (
                LongUnsigned(selector),
                Array(
                    [
                        Structure(
                            (
                                Enum(2),  # execute a method
                                LongUnsigned(class_id),
                                OctetString(name),
                                Integer(method),
                                Integer(0),
                            )
                        )
                    ]
                ),
            )
        )
        for (where, selector), (class_id, name, method) in scripts.CALLS.items()
        if where == table
    ]
    return CosemObject(
        SCRIPT_TABLE,
        0,
        table,
        {2: Attribute(constant(Array(rows)))},
        {1: Method(OPERATORS, invoke)},
    )


# Monitor of active power.


def _write_thresholds(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Array or any(type(each) is not DoubleLongUnsigned for each in value):
        return DataAccessResult.TYPE_UNMATCHED
    if len(value) > LIST_MAX:
        return DataAccessResult.OTHER_REASON
    thresholds = tuple(int(each) for each in value)  # type: ignore[arg-type]
    context.meter.part(RegisterMonitor).set_thresholds(thresholds, context.meter, context.now)
    context.written(f"monitor thresholds {thresholds}")
    return DataAccessResult.SUCCESS


def _item(value: Value) -> ActionItem | None:
    if type(value) is not Structure or [type(e) for e in value] != [OctetString, LongUnsigned]:
        return None
    table, selector = value
    assert isinstance(table, bytes)
    assert isinstance(selector, int)
    return ActionItem(LogicalName(table), int(selector)) if len(table) == 6 else None


def _write_actions(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Array:
        return DataAccessResult.TYPE_UNMATCHED
    if len(value) > LIST_MAX:
        return DataAccessResult.OTHER_REASON
    actions = []
    for row in value:
        if type(row) is not Structure or len(row) != 2:
            return DataAccessResult.TYPE_UNMATCHED
        up, down = map(_item, row)
        if up is None or down is None:
            return DataAccessResult.TYPE_UNMATCHED
        if any(
            item.selector and (item.table, item.selector) not in scripts.SCRIPTS
            for item in (up, down)
        ):
            return DataAccessResult.OBJECT_UNDEFINED
        actions.append((up, down))
    context.meter.part(RegisterMonitor).actions = tuple(actions)
    context.written(f"monitor actions {len(actions)}")
    return DataAccessResult.SUCCESS


def _actions(context: Context) -> Value:
    def item(action: ActionItem) -> Structure:
        return Structure((OctetString(action.table), LongUnsigned(action.selector)))

    return Array(
        Structure((item(up), item(down)))
        for up, down in context.meter.part(RegisterMonitor).actions
    )


_monitor = CosemObject(
    REGISTER_MONITOR,
    0,
    LogicalName("0.0.16.0.1.255"),
    {
        2: Attribute(
            lambda context: Array(
                map(DoubleLongUnsigned, context.meter.part(RegisterMonitor).thresholds)
            ),
            READERS,
            _write_thresholds,
            OPERATORS,
        ),
        3: Attribute(
            constant(Structure((LongUnsigned(REGISTER), OctetString(ACTIVE_POWER), Integer(2))))
        ),
        4: Attribute(_actions, READERS, _write_actions, OPERATORS),
    },
)


def automation_objects(meter_type: MeterType) -> Iterator[CosemObject]:
    """Whatever this type of meter does by itself."""
    has = meter_type.features
    if "push" in has:
        for setup in push.SETUPS:
            unasked = meter_type.push_by_module and setup != push.SCHEDULED
            yield _push_setup(setup, by_module=unasked)
        yield _script_table(PUSH_SCRIPTS)
        yield _schedule(LogicalName("0.0.15.0.4.255"), PUSH_SCRIPTS, 1)
    if "image" in has:
        yield _script_table(IMAGE_SCRIPTS)
        yield _schedule(LogicalName("0.0.15.0.2.255"), IMAGE_SCRIPTS, 1)
    if "disconnector" in has:
        yield _schedule(LogicalName("0.0.15.0.1.255"), DISCONNECT_SCRIPTS, SCRIPT_DISCONNECT)
    if "monitor" in has:
        yield _monitor
        for name, limit in (("31", SAG_DV), ("35", SWELL_DV), ("39", MISSING_DV)):

            def threshold(_: Context, limit: int = limit) -> int:
                return limit

            yield register(f"1.0.12.{name}.0.255", threshold, LongUnsigned, UNIT_V, -1)
