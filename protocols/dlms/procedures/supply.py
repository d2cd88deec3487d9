"""Disconnect control, class 70 (Blue Book 4.5.8): is the supply on, switch it on and off."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

from protocols.concentrator.messages import Status, SupplyRead
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures.steps import (
    ABSENT,
    Answer,
    Ended,
    Outcome,
    Procedure,
    Request,
    UnexpectedAnswer,
    get,
    refused_outcome,
    truth,
)
from protocols.dlms.services import ActionRequest, AttributeDescriptor, MethodDescriptor
from protocols.dlms.values import Enum, Integer

DISCONNECT_CONTROL = LogicalName("0.0.96.3.10.255")
LOAD_RELAY = LogicalName("0.1.96.3.10.255")
"""The first relay for a load that the utility may switch: channel 1 of the same control."""
ARMING_MODES = frozenset({1, 3, 5, 6})
"""Control modes with transition d: a remote reconnection waits for a hand (Blue Book 4.5.8)."""
DISCONNECTED, CONNECTED, READY_FOR_RECONNECTION = 0, 1, 2  # control_state, Blue Book, 4.5.8


def read_supply(control: LogicalName = DISCONNECT_CONTROL) -> Procedure:
    """Read whether the supply is on, and in which state and mode its control is."""
    try:
        return Outcome(Status.DONE, supply=(yield from _get_supply(control)))
    except Ended as ended:
        return ended.outcome


def connect(control: LogicalName = DISCONNECT_CONTROL) -> Procedure:
    """Connect the supply, or make it ready where the control mode leaves that to the customer.

    Connecting what is connected, or ready, is DONE and sends nothing: from ready, as after a
    limiter's trip, no remote transition leads to connected in any mode (Blue Book, 4.5.8); a hand
    at the meter does it.
    """
    return (yield from _switch(control, 2, _is_connected))


def arm(control: LogicalName = DISCONNECT_CONTROL) -> Procedure:
    """Make the supply ready for a hand at the meter to bring it back, transition d; it may be on.

    MODE_FORBIDS, and nothing is sent, where method 2 would connect at once (a), or not at all.
    """
    try:
        supply = yield from _get_supply(control)
    except Ended as ended:
        return ended.outcome
    if _is_connected(supply):
        return Outcome(Status.DONE, supply=supply)
    if supply.control_mode not in ARMING_MODES:
        detail = f"control mode {supply.control_mode} leaves nothing to a hand at the meter"
        return Outcome(Status.MODE_FORBIDS, supply=supply, detail=detail)
    return (yield from _switch(control, 2, _is_connected))


def disconnect(control: LogicalName = DISCONNECT_CONTROL) -> Procedure:
    """Disconnect the supply.  Disconnecting what is disconnected is DONE and sends nothing."""
    return (yield from _switch(control, 1, _is_disconnected))


def read_load(control: LogicalName = LOAD_RELAY) -> Procedure:
    """Read whether the load is on; NOT_EQUIPPED where the meter has no relay for one."""
    return _of_load((yield from read_supply(control)))


def switch_load(on: bool, control: LogicalName = LOAD_RELAY) -> Procedure:
    """Switch a load on or off; nothing is sent where it is so already.

    A relay that leaves reconnection to a hand is not on when it is ready: NOT_APPLIED.
    """
    reached = _is_on if on else _is_disconnected
    return _of_load((yield from _switch(control, 2 if on else 1, reached)))


def _of_load(outcome: Outcome) -> Outcome:
    """What was found of a disconnect control, told of a load relay."""
    told = replace(outcome, supply=None, load=outcome.supply)
    refusal = outcome.refusal
    absent = refusal is not None and refusal.service == "get" and refusal.code in ABSENT
    if absent and outcome.status is Status.REFUSED:
        return replace(told, status=Status.NOT_EQUIPPED, refusal=None)
    return told


def _is_on(supply: SupplyRead) -> bool:
    return supply.output_on and supply.control_state == CONNECTED


def _is_connected(supply: SupplyRead) -> bool:
    if supply.control_state == READY_FOR_RECONNECTION:
        return True
    return supply.output_on and supply.control_state == CONNECTED


def _is_disconnected(supply: SupplyRead) -> bool:
    # "Ready for reconnection" has no supply either, but a button press would bring it back.
    return not supply.output_on and supply.control_state == DISCONNECTED


def _switch(control: LogicalName, method: int, reached: Callable[[SupplyRead], bool]) -> Procedure:
    try:
        supply = yield from _get_supply(control)
        if reached(supply):
            return Outcome(Status.DONE, supply=supply)
    except Ended as ended:
        return ended.outcome
    # The parameter is integer(0), Blue Book, 4.5.8.
    refused = refused_outcome(
        "action", (yield ActionRequest.of(MethodDescriptor(70, control, method), Integer(0)))
    )
    if refused is not None:
        return replace(refused, acted=True)
    try:
        supply = yield from _get_supply(control)
    except Ended as ended:
        return replace(ended.outcome, status=Status.UNKNOWN, acted=True)
    if reached(supply):
        return Outcome(Status.DONE, True, supply=supply)
    return Outcome(
        Status.NOT_APPLIED,
        True,
        supply=supply,
        detail="the meter accepted the method and did not switch",
    )


def _get_supply(control: LogicalName) -> Generator[Request, Answer, SupplyRead]:
    output, state, mode = yield from get(*(AttributeDescriptor(70, control, i) for i in (2, 3, 4)))
    if not isinstance(state, Enum) or not isinstance(mode, Enum):
        raise UnexpectedAnswer("disconnect control: control_state and control_mode are enums")
    return SupplyRead(truth(output, "output_state"), int(state), int(mode))
