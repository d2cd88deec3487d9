"""The objects that act on the supply: disconnect control, and the scripts that the limiter calls.

A method called by a client is a remote trigger; the same script run by the limiter is a local one
(Blue Book 4.5.8), and the control mode treats them differently.
"""

from __future__ import annotations

from devices.meter.clients import OPERATORS, READERS
from devices.meter.cosem import (
    DISCONNECT_CONTROL,
    SCRIPT_TABLE,
    Attribute,
    Context,
    CosemObject,
    Invoke,
    Method,
    constant,
)
from devices.meter.disconnect import Outcome, Trigger
from devices.meter.limiter import (
    DISCONNECT_SCRIPTS,
    SCRIPT_DISCONNECT,
    SCRIPT_NONE,
    SCRIPT_RECONNECT,
)
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import MethodReturn
from protocols.dlms.values import (
    Array,
    Boolean,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Value,
)

DISCONNECTOR = LogicalName("0.0.96.3.10.255")

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
    context.written(f"control mode {int(value)}")
    return DataAccessResult.SUCCESS


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


def _execute(context: Context, parameter: Value | None) -> ActionResult | MethodReturn:
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
