"""Cancel, close, delete and change: which orders a request means, and what to answer of them."""

from __future__ import annotations

import re

from headend.domain.order import Order
from headend.domain.reason import REASONS, ReasonCode
from headend.orders.withdraw import Target, Withdrawn
from headend.soap.orders.answers import order_error
from protocols.cim import replies
from protocols.cim.amount import Amount
from protocols.cim.codes import Level, Result
from protocols.cim.control_request import Control, ControlRequest
from protocols.cim.envelope import Message
from protocols.cim.errors import Identifier, ReplyError, RequestRefused, meter_id
from protocols.cim.replies import Stamp
from protocols.cim.results import ORDER


def targets_of(request: ControlRequest) -> tuple[Target, ...]:
    """What a cancellation names: transactions and orders, else its own CorrelationID.

    Raises `RequestRefused`.
    """
    if request.targets:
        return tuple(map(_target, request.targets))
    if request.correlation_id is None:
        raise _refused("1.6", "OBJETIVO_FALTA: falta ID o CorrelationID", "CorrelationID")
    return (Target(correlation_id=request.correlation_id),)


def _target(named: Identifier) -> Target:
    if named.object_type == ORDER:
        if re.fullmatch(r"[0-9]{1,18}", named.value) is None:
            raise _refused("2.15", "ORDEN_DESCONOCIDA: no es un número de orden", "ID")
        return Target(number=int(named.value))
    if named.kind in (None, "transaction", "uuid"):
        return Target(transaction_id=named.value)
    raise _refused("2.15", "ID_NO_ADMITIDO: se espera kind=transaction", "ID")


def changed_limit(request: ControlRequest) -> tuple[Target, Control, Amount]:
    """What a change names by its CorrelationID, its one control, and the amount that it gives.

    Raises `RequestRefused`, also for what a change cannot do, such as moving a limit's end.
    """
    if request.correlation_id is None:
        raise _refused("1.5", "CORRELACION_FALTA: falta CorrelationID", "CorrelationID")
    match request.controls:
        case [
            Control(kind="set-limit", emergency=False, start=None, end=None, amount=asked) as one
        ]:
            if asked is not None and request.start_time is None and request.end_time is None:
                return Target(correlation_id=request.correlation_id), one, asked
    raise _refused(
        "1.8", "CAMBIO_NO_ADMITIDO: se puede cambiar el monto de un único control, y nada más"
    )


def withdrawn_answer(
    request: ControlRequest, withdrawn: Withdrawn, transaction_id: str, stamp: Stamp
) -> Message:
    """OK when all that was named could be done, PARTIAL when some, FAILED when none; an error for
    each order and meter that could not."""
    out_of_range = REASONS[ReasonCode.LIMIT_OUT_OF_RANGE]
    errors = [
        *(_too_late(order) for order in withdrawn.too_late),
        *(
            order_error(order, out_of_range.cim, out_of_range.details)
            for order in withdrawn.above_contract
        ),
        *(
            ReplyError(
                "2.4", "MEDIDOR_SIN_ORDEN: lo nombrado no tiene orden para él", id=meter_id(meter)
            )
            for meter in withdrawn.strangers
        ),
    ]
    result = Result.OK if not errors else Result.PARTIAL if withdrawn.done else Result.FAILED
    if result is Result.PARTIAL:
        errors.insert(0, ReplyError("0.2", level=Level.WARNING))
    typed = request.typed is not None
    return replies.reply(request.noun, stamp, result, errors, transaction_id, typed=typed)


def _too_late(order: Order) -> ReplyError:
    return order_error(order, "5.2", f"DEMASIADO_TARDE: la orden está {order.state}")


def _refused(code: str, details: str, xpath: str | None = None) -> RequestRefused:
    return RequestRefused(ReplyError(code, details, xpath=xpath))
