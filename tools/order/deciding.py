"""`ami order approve` and `ami order refuse`: a second person decides on what the guard holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from headend.app.campaigns import CampaignDesk
from headend.domain.account import Caller
from headend.domain.order import Order
from headend.orders.approve import Decided
from headend.ports import Transaction
from tools.campaign.desk import COMMAND, Approver, as_second
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import failed, out, print_json, wrong_usage

NUMBER_MAX = 10**12

Numbers = Annotated[
    list[int] | None, typer.Argument(min=1, max=NUMBER_MAX, help="The orders' numbers.")
]
OfTransaction = Annotated[
    str | None, typer.Option("--transaction", help="All that one message has ordered.")
]


def approve(
    as_: Approver,
    numbers: Numbers = None,
    transaction: OfTransaction = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Let disconnections through that are held, as the second person.

    Example: [bold]ami order approve 88 89 --as eva[/]
    """

    def work(desk: CampaignDesk, who: Caller) -> Any:
        return desk.approve_orders(_choice(numbers or [], transaction), who, source=COMMAND)

    _tell(as_second(config, database, as_, work), "approved", json)


def refuse(
    as_: Approver,
    numbers: Numbers = None,
    transaction: OfTransaction = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """End disconnections that are held; their sender is told so.

    Example: [bold]ami order refuse 88 --as eva[/]
    """

    def work(desk: CampaignDesk, who: Caller) -> Any:
        return desk.refuse_orders(_choice(numbers or [], transaction), who, source=COMMAND)

    _tell(as_second(config, database, as_, work), "refused", json)


def _choice(numbers: list[int], transaction: str | None) -> Callable[[Transaction], list[Order]]:
    """The orders that are named.  Ends the command where there are none."""
    if bool(numbers) == (transaction is not None):
        wrong_usage("name orders by their numbers, or all of one --transaction")

    def choose(tx: Transaction) -> list[Order]:
        if transaction is not None:
            return [each for each in tx.orders_of(transaction_id=transaction) if each.held]
        found: list[Order] = []
        for number in dict.fromkeys(numbers):
            order = tx.order(number)
            if order is None:
                wrong_usage(
                    f"no order {number}", "See the numbers with: ami order list",
                    code="no-such-order",
                )  # fmt: skip
            found.append(order)
        return found

    return choose


def _tell(decided: Decided, what: str, json: bool) -> None:
    done = [order.number for order in decided.done]
    others = [order.number for order in decided.not_held]
    if json:
        print_json({what: done, "not_held": others})
    elif done:
        out.print(f"{len(done)} orders {what}: {', '.join(map(str, done))}")
    if not done:
        told = ", ".join(map(str, others)) or "of that transaction"
        failed(f"not held: {told}", "See which are: ami order list --held", code="not-held")
