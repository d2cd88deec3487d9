"""Whether a reading shows what a command was to bring about.

Used when the meter did not answer a message that acts: nobody knows then whether it arrived, and
only the meter itself can tell.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from devices.concentrator.flash import Attempt
from protocols.concentrator.messages import Action, LimitRead, Status, SupplyRead
from protocols.dlms.procedures import (
    CONNECTED,
    DISCONNECTED,
    READY_FOR_RECONNECTION,
    Outcome,
    Procedure,
    connect,
    disconnect,
    read_limit,
    read_supply,
    remove_limit,
    set_limit,
)
from protocols.dlms.quantity import ORDER_UNITS


def procedure_for(attempt: Attempt) -> Procedure:
    """What an attempt does at the meter."""
    match attempt.action:
        case Action.SET_LIMIT:
            return set_limit(Decimal(attempt.amount or "NaN"), attempt.unit or "W")
        case Action.REMOVE_LIMIT:
            return remove_limit()
        case Action.CONNECT:
            return connect()
        case Action.DISCONNECT:
            return disconnect()
        case Action.READ_LIMIT:
            return read_limit()
        case Action.READ_SUPPLY:
            return read_supply()


def reading_for(attempt: Attempt) -> Procedure:
    """The reading that shows whether an attempt took effect."""
    limits = attempt.action in (Action.SET_LIMIT, Action.REMOVE_LIMIT)
    return read_limit() if limits else read_supply()


def concluded(attempt: Attempt, unanswered: Outcome, reading: Outcome) -> Outcome:
    """The outcome of an attempt whose acting message nobody answered, after a reading."""
    if reading.status is not Status.DONE:
        return replace(unanswered, status=Status.UNKNOWN)
    status = Status.NOT_APPLIED
    if reading.limit is not None:
        status = _limit_status(attempt, reading.limit)
    elif reading.supply is not None and _switched(attempt.action, reading.supply):
        status = Status.DONE
    return replace(unanswered, status=status, limit=reading.limit, supply=reading.supply)


def _limit_status(attempt: Attempt, limit: LimitRead) -> Status:
    if attempt.action is Action.REMOVE_LIMIT:
        written = limit.unlimited
    else:
        _, power = ORDER_UNITS[attempt.unit or "W"]
        wanted = Decimal(attempt.amount or "NaN").scaleb(power)
        written = Decimal(limit.threshold_normal) == wanted
    if not written:
        return Status.NOT_APPLIED
    if limit.threshold_active == limit.threshold_normal:
        return Status.DONE
    return Status.EMERGENCY if limit.emergency_active else Status.NOT_APPLIED


def _switched(action: Action, supply: SupplyRead) -> bool:
    if action is Action.DISCONNECT:
        return not supply.output_on and supply.control_state == DISCONNECTED
    if supply.control_state == READY_FOR_RECONNECTION:
        return True
    return supply.output_on and supply.control_state == CONNECTED
