"""A second person decides on an order that the guard holds."""

from __future__ import annotations

from headend.domain.account import Caller
from headend.domain.order import Order
from headend.orders.approve import NotSecond
from headend.ports import Transaction
from headend.rest.asking import Parts
from headend.rest.problems import Problem, not_found


async def decide(parts: Parts, caller: Caller, source: str, number: int, *, let: bool) -> Order:
    """Let an order through, or end it.  Raises `Problem`."""

    def choose(tx: Transaction) -> list[Order]:
        order = tx.order(number)
        if order is None:
            raise not_found(f"order {number}", "GET /api/v1/orders lists those that there are.")
        return [order]

    word = parts.campaigns.approve_orders if let else parts.campaigns.refuse_orders
    try:
        decided = await word(choose, caller, source=source)
    except NotSecond as error:
        raise not_second(error) from error
    if decided.not_held:
        raise Problem(
            409, "not-held", "There is nothing to decide.",
            f"order {number} is {decided.not_held[0].state}, and not held",
            f"GET /api/v1/orders/{number} tells how it stands.",
        )  # fmt: skip
    return decided.done[0]


def not_second(error: NotSecond) -> Problem:
    """Nobody is their own second person."""
    return Problem(
        403, "not-second-person", "That is not permitted.", str(error),
        "Let somebody else approve it, who has asked for none of it.",
    )  # fmt: skip
