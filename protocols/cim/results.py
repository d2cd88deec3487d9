"""An order's result as the commercial system reads it: from the result queue's message to CIM.

The head-end's SOAP callback and the integration platform both write the same XML from the same
message: `reply EndDeviceControls` (or MeterConfig, as the order came) with OK or FAILED, the
reason, the evidence it rests on and the value read; behind a success, or when something came to
light later, `created EndDeviceEvents` (facts/cim.md, Patterns).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from protocols.cim.codes import Level, Result
from protocols.cim.control_types import ARMED, CODE_OF, EVENT_OF, ControlKind
from protocols.cim.end_device_controls import (
    POWER_LIMIT,
    POWER_LIMIT_UNIT,
    READ_BACK,
    Attribute,
    EndDevice,
    EndDeviceControl,
)
from protocols.cim.end_device_events import EndDeviceEvent
from protocols.cim.envelope import Message
from protocols.cim.errors import Identifier, ReplyError, meter_id
from protocols.cim.replies import Stamp, created_events, reply
from protocols.commercial.messages import DemandGiven, ResultMessage
from protocols.concentrator.effect import READY_FOR_RECONNECTION as READY

ORDER: Final = "Order"  # objectType of our order numbers
SUPPLY_STATE: Final = "supply.controlState"
SUPPLY_STATES: Final = ("disconnected", "connected", "readyForReconnection")
LOAD_STATE: Final = "load.controlState"
CREW: Final = "ENVIAR_CUADRILLA: se recomienda programar trabajo de campo."


def message_of(result: ResultMessage, *, sender: str) -> Message:
    """The CIM message that tells a result; `sender` goes into Header/Source."""
    stamp = Stamp(
        source=sender,
        message_id=result.message_id,
        at=result.at,
        correlation_id=result.correlation_id or result.request_message_id or result.transaction_id,
    )
    if result.kind == "event":
        return created_events([_event(result)], stamp, typed=not result.generic)
    return reply(
        result.noun,
        stamp,
        Result.OK if result.ok else Result.FAILED,
        () if result.ok else _errors(result),
        result.transaction_id,
        typed=not result.generic,
        controls=[_control(result)] if result.value is not None or result.ok else [],
        ids=[meter_id(result.meter), order_id(result.order)],
    )


def reply_to_all(results: Sequence[ResultMessage], stamp: Stamp) -> Message:
    """One reply for all orders of a request, once each has ended.

    OK when all succeeded, FAILED when none did, else PARTIAL with 0.2: no further results follow.
    """
    first = results[0]
    failed = [result for result in results if not result.ok]
    errors = [error for result in failed for error in _errors(result)]
    outcome = Result.OK
    if failed:
        outcome = Result.FAILED if len(failed) == len(results) else Result.PARTIAL
    if outcome is Result.PARTIAL:
        errors.insert(0, ReplyError("0.2", level=Level.WARNING))
    return reply(
        first.noun,
        stamp,
        outcome,
        errors,
        first.transaction_id,
        typed=not first.generic,
        controls=[_control(result) for result in results if result.value is not None or result.ok],
        ids=[i for result in results for i in (meter_id(result.meter), order_id(result.order))],
    )


def order_id(number: int) -> Identifier:
    """One of our orders, as replies name it and as a `cancel` may name it back."""
    return Identifier(str(number), "other", ORDER)


def _errors(result: ResultMessage) -> list[ReplyError]:
    """The reason first; then, for information, what it rests on and what we recommend."""
    reason = result.reason
    if reason is None:
        return [ReplyError("5.3", id=meter_id(result.meter), related_id=order_id(result.order))]
    errors = [
        ReplyError(
            reason.cim,
            reason.details,
            id=meter_id(result.meter),
            related_id=order_id(result.order),
        )
    ]
    errors += (
        ReplyError(
            reason.cim,
            f"EVIDENCIA: {item.source}, {item.at:%Y-%m-%dT%H:%M:%SZ}: {item.text}",
            level=Level.INFORM,
            id=meter_id(result.meter),
        )
        for item in result.evidence
    )
    if reason.crew:
        errors.append(ReplyError(reason.cim, CREW, level=Level.INFORM, id=meter_id(result.meter)))
    return errors


def _control(result: ResultMessage) -> EndDeviceControl:
    attributes = []
    if result.amount is not None:
        attributes.append(Attribute(POWER_LIMIT, result.amount))
    attributes += _value_read(result)
    return EndDeviceControl(
        type=CODE_OF[ControlKind(result.action)],
        issuer_tracking_id=result.request_message_id,
        devices=(EndDevice(names=(result.meter,)),),
        attributes=tuple(attributes),
    )


def _event(result: ResultMessage) -> EndDeviceEvent:
    ending = EVENT_OF[ControlKind(result.action)]
    armed = result.value is not None and result.value.control_state == READY
    succeeded = ARMED if armed else ending.succeeded
    return EndDeviceEvent(
        type=succeeded if result.ok else ending.failed,
        created=result.at,
        device=EndDevice(names=(result.meter,)),
        issuer_id=result.source,
        issuer_tracking_id=result.request_message_id,
        reason=result.note or (result.reason.text if result.reason else None),
        details=(
            *_value_read(result),
            Attribute("order", str(result.order)),
            Attribute("transaction", result.transaction_id),
        ),
    )


def _value_read(result: ResultMessage) -> list[Attribute]:
    value = result.value
    if value is None:
        return []
    attributes = [] if value.demand is None else _billing(value.demand)
    if value.load_on is not None:
        attributes.append(Attribute(LOAD_STATE, SUPPLY_STATES[value.load_on]))
    if value.limit is not None:
        # Plain digits: "3.3E+3" is a valid decimal that few clients read.
        attributes.append(Attribute(READ_BACK, format(Decimal(value.limit), "f")))
        attributes.append(Attribute(POWER_LIMIT_UNIT, value.unit or "W"))
    if value.control_state is not None and value.control_state < len(SUPPLY_STATES):
        attributes.append(Attribute(SUPPLY_STATE, SUPPLY_STATES[value.control_state]))
    return attributes


def _billing(read: DemandGiven) -> list[Attribute]:
    """What a meter tells of the period that was ended, as far as it does."""
    told = {
        "billing.period": read.resets,
        "billing.periodEnd": read.reset_at,
        "billing.rows": read.rows,
        "demand.maximum": read.maximum,
        "demand.maximum.unit": read.unit if read.maximum is not None else None,
        "demand.maximum.at": read.maximum_at,
    }
    return [Attribute(name, str(value)) for name, value in told.items() if value not in (None, "")]
