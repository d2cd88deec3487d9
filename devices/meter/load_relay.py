"""The relay for a load that the utility may switch, such as a boiler: 0.1.96.3.10.255, class 70.

The same control as the supply's, on channel 1, and with none of its neighbours: no limiter drives
it, no button, and its state survives a loss of power, because the relay is bistable.  It follows
remote commands alone (control mode 4).  The simulated customers' loads do not say which part of
them hangs on it, so the registers do not show it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.meter.clients import OPERATORS, READERS
from devices.meter.cosem import (
    DISCONNECT_CONTROL,
    Attribute,
    Context,
    CosemObject,
    Invoke,
    Method,
)
from devices.meter.disconnect import DisconnectControl, Move, Outcome, Trigger
from devices.meter.history import Deed
from devices.meter.parts import Passive
from devices.meter.state import MeterState
from devices.meter.supply_objects import RESULT_OF
from protocols.dlms.codes import ActionResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import Boolean, Enum, Integer, Value

LOAD_RELAY = LogicalName("0.1.96.3.10.255")


@dataclass(slots=True)
class LoadRelay(Passive):
    """One meter's, once somebody has switched it."""

    control: DisconnectControl = field(default_factory=DisconnectControl)


_DELIVERED = LoadRelay()


def load_relay(meter: MeterState) -> DisconnectControl:
    """How it stands, to look at; as delivered the load is on."""
    return (meter.existing(LoadRelay) or _DELIVERED).control


def switch(meter: MeterState, trigger: Trigger, *, now: float, cause: str) -> Move:
    """Put a trigger to it, and write down what came of it."""
    control = meter.part(LoadRelay).control
    move = control.apply(trigger, now=now, relay_stuck=meter.faults.load_relay_stuck)
    detail = f"{trigger.value} {move.transition}".rstrip()
    meter.record(now, _deed(move), cause, detail, int(control.output_on))
    return move


def _deed(move: Move) -> Deed:
    if not move.relay_followed:
        return Deed.LOAD_STUCK
    return Deed.LOAD_SWITCHED if move.outcome is Outcome.MOVED else Deed.LOAD_UNCHANGED


def _remote(trigger: Trigger) -> Invoke:
    def invoke(context: Context, parameter: Value | None) -> ActionResult:
        if parameter is not None and type(parameter) is not Integer:
            return ActionResult.TYPE_UNMATCHED
        move = switch(context.meter, trigger, now=context.now, cause=context.cause)
        return RESULT_OF[move.outcome]

    return invoke


load_relay_control = CosemObject(
    DISCONNECT_CONTROL,
    0,
    LOAD_RELAY,
    {
        2: Attribute(lambda context: Boolean(load_relay(context.meter).output_on)),
        3: Attribute(lambda context: Enum(load_relay(context.meter).state)),
        4: Attribute(lambda context: Enum(load_relay(context.meter).mode), READERS),
    },
    {
        1: Method(OPERATORS, _remote(Trigger.REMOTE_DISCONNECT)),
        2: Method(OPERATORS, _remote(Trigger.REMOTE_RECONNECT)),
    },
)
