"""`ami backup status` and `ami backup resume`: a head-end that came back, until it sends again."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from headend.config import BadConfig
from headend.domain.restoration import Raised, Standing
from headend.ports import StoreUnavailable
from tools.database.opening import ADVICE, configured
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, failed, out, print_json, show, wrong_usage

ROWS_MAX = 50  # of meters that somebody has to look after; --json has all
NOTHING = "this head-end did not come back from a backup"


def status(config: ConfigFile = None, database: OtherDatabase = None, json: Json = False) -> None:
    """Where a head-end stands that came back from a backup: counters, orders, what was lost.

    Example: [bold]ami backup status --database ami.db[/]
    """
    from headend.app.restoring import standstill

    try:
        stand = asyncio.run(standstill(configured(config, database)))
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if stand is None:
        if json:
            print_json({"standing": None})
        else:
            out.print(NOTHING)
        return
    came, counts = stand.restoration, stand.count()
    to_do = [each for each in stand.keys if each.standing is not Raised.RAISED]
    if json:
        print_json(
            {
                "standing": came.standing,
                "backup": came.backup,
                "consistent_at": came.consistent_at,
                "restored_at": came.restored_at,
                "resumed_at": came.resumed_at,
                "orders_unknown": [came.order_before + 1, came.order_after],
                "keys": counts,
                "keys_to_look_after": to_do,
                "open_orders": stand.open_orders,
                "strays": [
                    {
                        "concentrator": each.concentrator, "order": each.order,
                        "meter": each.meter, "action": each.action, "status": each.status,
                        "at": each.at,
                    }
                    for each in stand.strays
                ],
            }
        )  # fmt: skip
        return
    sending = "sending is stopped" if came.standing is Standing.RESTORED else "it sends again"
    out.print(f"{came.backup}, restored {clock_text(came.restored_at)} UTC: {sending}")
    out.print(
        f"what happened after {clock_text(came.consistent_at)} UTC is not in it: have the"
        " commercial side send again what it has sent since"
    )
    told = ", ".join(f"{count} {standing}" for standing, count in counts.items() if count)
    out.print(f"keys: {told or 'none'}")
    out.print(f"orders that are open: {stand.open_orders}")
    out.print(f"results of orders that the backup does not know: {len(stand.strays)}")
    if to_do:
        table = Table("meter", "client", "counters", "why", box=None)
        for each in to_do[:ROWS_MAX]:
            table.add_row(each.meter, str(each.client), each.standing, each.told)
        show(table)
    if len(to_do) > ROWS_MAX:
        out.print(f"and {len(to_do) - ROWS_MAX} more: --json has them all")


def resume(
    config: ConfigFile = None,
    database: OtherDatabase = None,
    unasked: Annotated[
        bool,
        typer.Option("--unasked", help="Although meters have not been asked for their counters."),
    ] = False,
    json: Json = False,
) -> None:
    """Let a head-end send that came back from a backup.  Its open orders are looked for at their
    meters before anything is sent for them.

    Have the commercial side send again before this what it has sent since the backup.

    Example: [bold]ami backup resume --database ami.db[/]
    """
    from headend.app.access import by_command
    from headend.app.restoring import NotYet
    from headend.app.restoring import resume as let_send
    from headend.clock import WallClock

    try:
        settings = configured(config, database)
        who = by_command().actor
        resumed = asyncio.run(let_send(settings, clock=WallClock(), who=who, unasked=unasked))
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    except NotYet as error:
        failed(f"nothing is sent yet: {error}", "See where it stands: ami backup status")
    orders = resumed.orders
    if json:
        print_json(
            {
                "looked_for": orders.looked_for,
                "made_again": orders.again,
                "later": orders.later,
                "superseded": orders.superseded,
            }
        )
        return
    out.print(
        f"sending begins: {orders.looked_for} orders are looked for at their meters first,"
        f" {orders.again} of our own are made again, {orders.later} wait for their time,"
        f" {orders.superseded} had been superseded"
    )
