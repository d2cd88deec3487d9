"""An order that was not carried out, ordered once more: the same content, and which one it was."""

from __future__ import annotations

import re
from datetime import datetime

from headend.domain.order import Kind, Order, State
from headend.orders.accept import Submission, Wish

_REFERENCE = re.compile(r"order/([1-9][0-9]{0,11})")


class NotRepeated(ValueError):
    """It is not ordered once more: a code, why, and what to do."""

    def __init__(self, code: str, why: str, next_step: str) -> None:
        super().__init__(why)
        self.code = code
        self.next_step = next_step


def reference(number: int) -> str:
    """What an order that repeats this one is correlated with."""
    return f"order/{number}"


def repeats(correlation: str | None) -> int | None:
    """The order that one with this correlation says it repeats."""
    found = _REFERENCE.fullmatch(correlation or "")
    return None if found is None else int(found[1])


def check(order: Order, at: datetime) -> None:
    """Whether it can be ordered once more.  Raises `NotRepeated`."""
    number = order.number
    if not order.final or order.state is State.DONE:
        raise NotRepeated(
            "not-failed", f"order {number} is {order.state}",
            "What goes on is waited for or cancelled; what is done needs no other order.",
        )  # fmt: skip
    if order.kind is Kind.SET_TARIFF:
        # Its calendar comes as two orders, of which the second looks whether it is in force.
        raise NotRepeated(
            "not-repeatable", "a calendar is brought by two orders, and not by one of them again",
            f"Bring it anew: ami meter tariff {order.meter}, or POST /api/v1/meters/NAME/tariff",
        )  # fmt: skip
    if order.until is not None and order.until <= at:
        raise NotRepeated(
            "end-past", f"order {number} was to last until {order.until:%Y-%m-%d %H:%M} UTC",
            "Send a new order with another end.",
        )  # fmt: skip


def repeated(order: Order, source: str, key: str) -> Submission:
    """The same once more, asked for by `source`: from now on, and as long as orders usually have.
    Its priority is its kind's own, whatever campaign it was of."""
    wish = Wish(
        order.meter, order.kind, order.amount, order.unit, until=order.until,
        objects=order.objects, clock=order.clock, until_pressed=order.until_pressed,
        image=order.image, activate_at=order.activate_at,
    )  # fmt: skip
    return Submission(
        source, (wish,), key, reference(order.number), noun=order.noun, any_day=order.any_day
    )
