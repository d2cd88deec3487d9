"""The answer at the counter: which orders were taken, and which are refused already."""

from __future__ import annotations

from collections.abc import Iterable

from headend.domain.order import Order, State
from headend.domain.reason import REASONS
from protocols.cim import replies
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError, meter_id
from protocols.cim.replies import Stamp
from protocols.cim.results import order_id


def order_error(order: Order, code: str, details: str) -> ReplyError:
    """An error about one meter's order."""
    return ReplyError(code, details, id=meter_id(order.meter), related_id=order_id(order.number))


def first_answer(
    noun: str, stamp: Stamp, transaction: str, orders: Iterable[Order], *, typed: bool
) -> Message:
    """OK with 0.3 when every order was taken; PARTIAL with 0.1 and an error for each refused one
    when some were (an unknown meter among known ones: 2.4); FAILED when none was."""
    orders = tuple(orders)
    errors = [
        order_error(order, REASONS[order.reason].cim, REASONS[order.reason].details)
        for order in orders
        if order.state is State.REJECTED and order.reason is not None
    ]
    if errors and len(errors) == len(orders):
        return replies.reply(noun, stamp, Result.FAILED, errors, transaction, typed=typed)
    return replies.acknowledgement(noun, stamp, transaction, typed=typed, errors=errors)
