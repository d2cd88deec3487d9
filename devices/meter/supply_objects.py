"""The objects that act on the supply: disconnect control, limiter, and the scripts between them.

A method called by a client is a remote trigger; the same script run by the limiter is a local one
(Blue Book 4.5.8), and the control mode treats them differently.
"""

from __future__ import annotations

from devices.meter import meter_clock
from devices.meter.clients import OPERATORS, READERS
from devices.meter.cosem import (
    DISCONNECT_CONTROL,
    LIMITER,
    REGISTER,
    SCRIPT_TABLE,
    Attribute,
    Context,
    CosemObject,
    Invoke,
    Method,
    constant,
)
from devices.meter.disconnect import Outcome, Trigger
from devices.meter.history import Deed
from devices.meter.limiter import (
    DISCONNECT_SCRIPTS,
    SCRIPT_DISCONNECT,
    SCRIPT_NONE,
    SCRIPT_RECONNECT,
    ActionItem,
    EmergencyProfile,
)
from devices.meter.limiter import Limiter as LimiterState
from devices.meter.meter_type import MeterType
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Value,
)

ACTIVE_POWER = LogicalName("1.0.1.7.0.255")
DISCONNECTOR = LogicalName("0.0.96.3.10.255")
LIMITER_NAME = LogicalName("0.0.17.0.0.255")

RESULT_OF = {
    Outcome.MOVED: ActionResult.SUCCESS,
    Outcome.ALREADY_THERE: ActionResult.SUCCESS,
    Outcome.NOT_PERMITTED: ActionResult.READ_WRITE_DENIED,
    Outcome.NOT_NOW: ActionResult.TEMPORARY_FAILURE,
    Outcome.LOCKED_OUT: ActionResult.TEMPORARY_FAILURE,
}
"""The Blue Book names no results; these say whether it makes sense to come again."""


# Disconnect control, class 70.


def _remote(trigger: Trigger) -> Invoke:
    def invoke(context: Context, parameter: Value | None) -> ActionResult:
        if parameter is not None and type(parameter) is not Integer:
            return ActionResult.TYPE_UNMATCHED
        move = context.meter.switch(trigger, now=context.now, cause=context.cause)
        return RESULT_OF[move.outcome]

    return invoke


def _write_mode(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Enum:
        return DataAccessResult.TYPE_UNMATCHED
    if not context.meter.supply.set_mode(int(value)):
        return DataAccessResult.OTHER_REASON
    _written(context, f"control mode {int(value)}")
    return DataAccessResult.SUCCESS


def _written(context: Context, what: str) -> None:
    context.meter.record(context.now, Deed.PARAMETER_WRITTEN, context.cause, what)


disconnect_control = CosemObject(
    DISCONNECT_CONTROL,
    0,
    DISCONNECTOR,
    {
        2: Attribute(lambda context: Boolean(context.meter.supply.output_on)),
        3: Attribute(lambda context: Enum(context.meter.supply.state)),
        4: Attribute(
            lambda context: Enum(context.meter.supply.mode), READERS, _write_mode, OPERATORS
        ),
    },
    {
        1: Method(OPERATORS, _remote(Trigger.REMOTE_DISCONNECT)),
        2: Method(OPERATORS, _remote(Trigger.REMOTE_RECONNECT)),
    },
)


# Scripts, class 9.


def _script(number: int, method: int) -> Structure:
    call = Structure(
        (
            Enum(2),  # execute a method
            LongUnsigned(DISCONNECT_CONTROL),
            OctetString(DISCONNECTOR),
            Integer(method),
            Integer(0),
        )
    )
    return Structure((LongUnsigned(number), Array([call])))


REMOTE_SCRIPTS = {
    SCRIPT_DISCONNECT: Trigger.REMOTE_DISCONNECT,
    SCRIPT_RECONNECT: Trigger.REMOTE_RECONNECT,
}


def _execute(context: Context, parameter: Value | None) -> ActionResult:
    if type(parameter) is not LongUnsigned:
        return ActionResult.TYPE_UNMATCHED
    if parameter == SCRIPT_NONE:
        return ActionResult.SUCCESS
    trigger = REMOTE_SCRIPTS.get(int(parameter))
    if trigger is None:
        return ActionResult.OBJECT_UNDEFINED
    return _remote(trigger)(context, None)


disconnect_scripts = CosemObject(
    SCRIPT_TABLE,
    0,
    DISCONNECT_SCRIPTS,
    {2: Attribute(constant(Array([_script(SCRIPT_DISCONNECT, 1), _script(SCRIPT_RECONNECT, 2)])))},
    {1: Method(OPERATORS, _execute)},
)


# Limiter, class 71.


def _number(field: str, kind: type[DoubleLongUnsigned] = DoubleLongUnsigned) -> Attribute:
    """An attribute that is one number of the limiter's state."""

    def write(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not kind:
            return DataAccessResult.TYPE_UNMATCHED
        setattr(context.meter.limiter, field, int(value))
        _written(context, f"{field} {int(value)}")
        return DataAccessResult.SUCCESS

    return Attribute(
        lambda context: kind(getattr(context.meter.limiter, field)), READERS, write, OPERATORS
    )


def _write_normal(context: Context, value: Value) -> DataAccessResult:
    """The threshold has the monitored value's own type and scaler, and no other is accepted."""
    if type(value) is not DoubleLongUnsigned:
        return DataAccessResult.TYPE_UNMATCHED
    context.meter.limiter.threshold_normal = int(value)
    context.meter.record(
        context.now, Deed.LIMIT_WRITTEN, context.cause, "threshold_normal", int(value)
    )
    return DataAccessResult.SUCCESS


def _profile(state: LimiterState) -> Structure:
    profile = state.profile
    return Structure(
        (
            LongUnsigned(profile.profile_id),
            OctetString(profile.octets or meter_clock.NOT_SPECIFIED),
            DoubleLongUnsigned(profile.duration_s),
        )
    )


def _write_profile(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Structure or [type(element) for element in value] != [
        LongUnsigned,
        OctetString,
        DoubleLongUnsigned,
    ]:
        return DataAccessResult.TYPE_UNMATCHED
    profile_id, octets, duration_s = value
    assert isinstance(profile_id, int)
    assert isinstance(octets, bytes)
    assert isinstance(duration_s, int)
    if len(octets) != 12:
        return DataAccessResult.TYPE_UNMATCHED
    context.meter.limiter.profile = EmergencyProfile(
        int(profile_id),
        meter_clock.understood(octets, context.meter.type.utc_offset_min),
        int(duration_s),
        bytes(octets),
    )
    _written(context, f"emergency profile {int(profile_id)}, {int(duration_s)} s")
    return DataAccessResult.SUCCESS


GROUPS_MAX = 16
"""Emergency groups that this meter has room for."""


def _write_groups(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Array or any(type(element) is not LongUnsigned for element in value):
        return DataAccessResult.TYPE_UNMATCHED
    if len(value) > GROUPS_MAX:
        return DataAccessResult.OTHER_REASON
    context.meter.limiter.groups = tuple(int(group) for group in value)  # type: ignore[arg-type]
    _written(context, f"emergency groups {context.meter.limiter.groups}")
    return DataAccessResult.SUCCESS


def _item(action: ActionItem) -> Structure:
    return Structure((OctetString(action.table), LongUnsigned(action.selector)))


def _read_item(value: Value) -> ActionItem | DataAccessResult:
    if type(value) is not Structure or [type(e) for e in value] != [OctetString, LongUnsigned]:
        return DataAccessResult.TYPE_UNMATCHED
    table, selector = value
    if table != DISCONNECT_SCRIPTS:
        return DataAccessResult.OBJECT_UNDEFINED
    if selector not in (SCRIPT_NONE, SCRIPT_DISCONNECT, SCRIPT_RECONNECT):
        return DataAccessResult.OTHER_REASON
    assert isinstance(selector, int)
    return ActionItem(DISCONNECT_SCRIPTS, int(selector))


def _write_actions(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Structure or len(value) != 2:
        return DataAccessResult.TYPE_UNMATCHED
    over, under = (_read_item(element) for element in value)
    if isinstance(over, DataAccessResult):
        return over
    if isinstance(under, DataAccessResult):
        return under
    state = context.meter.limiter
    state.over_action, state.under_action = over, under
    _written(context, f"limiter scripts {over.selector} and {under.selector}")
    return DataAccessResult.SUCCESS


def limiter(meter_type: MeterType) -> CosemObject:
    """The limiter of this type of meter: it watches the active power total."""
    monitored = Structure((LongUnsigned(REGISTER), OctetString(ACTIVE_POWER), Integer(2)))
    return CosemObject(
        LIMITER,
        0,
        LIMITER_NAME,
        {
            2: Attribute(constant(monitored)),
            3: Attribute(
                lambda context: DoubleLongUnsigned(
                    context.meter.limiter.threshold_active(context.meter.time(context.now))
                )
            ),
            4: Attribute(
                lambda context: DoubleLongUnsigned(context.meter.limiter.threshold_normal),
                READERS,
                _write_normal,
                OPERATORS,
            ),
            5: _number("threshold_emergency"),
            6: _number("min_over_s"),
            7: _number("min_under_s"),
            8: Attribute(
                lambda context: _profile(context.meter.limiter), READERS, _write_profile, OPERATORS
            ),
            9: Attribute(
                lambda context: Array(map(LongUnsigned, context.meter.limiter.groups)),
                READERS,
                _write_groups,
                OPERATORS,
            ),
            10: Attribute(
                lambda context: Boolean(
                    context.meter.limiter.emergency_active(context.meter.time(context.now))
                )
            ),
            11: Attribute(
                lambda context: Structure(
                    (
                        _item(context.meter.limiter.over_action),
                        _item(context.meter.limiter.under_action),
                    )
                ),
                READERS,
                _write_actions,
                OPERATORS,
            ),
        },
    )
