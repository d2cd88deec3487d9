"""`ami meter rekey`: new keys for meters that the head-end reaches by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from headend.config import BadConfig, Config
from headend.domain.order import Order, State
from headend.domain.reason import REASONS, ReasonCode
from headend.ports import StoreUnavailable
from tools.database.opening import ADVICE, configured
from tools.moments import duration
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import complain, err, failed, out, print_json, styled, wrong_usage

if TYPE_CHECKING:
    from headend.app.rekeying import KeyDesk

SOURCE = "AMI-CLI"
AT_ONCE = 4  # meters whose keys are changed here at the same time
LOOK_EVERY_S = 0.25

NEXT_STEP = {
    ReasonCode.UNKNOWN_METER: "enter it: ami meter add METER --address …",
    ReasonCode.KEY_NOT_KNOWN: (
        "enter its keys and the master key, by which new ones travel:"
        " ami meter add METER … --key CLIENT:ENCRYPTION:AUTHENTICATION:MASTER"
    ),
    ReasonCode.KEYS_OF_CONCENTRATOR: (
        "enter its concentrator's key, ami concentrator add NAME --seal-key FILE, and the meter's:"
        " ami meter add METER … --key 5:ENCRYPTION:AUTHENTICATION:MASTER (docs/security.md)"
    ),
}


@dataclass(frozen=True, slots=True)
class _Asked:
    meters: tuple[str, ...]
    config: Config
    wait_s: float


def rekey(
    meters: Annotated[list[str], typer.Argument(help="The meters' numbers.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    wait: Annotated[str, typer.Option(help="Wait so long for the end.")] = "3m",
    json: Json = False,
) -> None:
    """Give meters new keys.  The running head-end does it or, where none runs, this command.

    A change that is cut at any point is taken up by the next one; no key is lost.  Exit code 1
    where a meter has no new keys yet.

    Example: [bold]ami meter rekey 4711 4712 --database ami.db[/]
    """
    # Imported here: the other commands need not wait for the whole head-end.
    from headend.app.rekeying import NeedsHeadEnd, Occupied, Overloaded

    wait_s = duration("--wait", wait)
    try:
        asked = _Asked(tuple(dict.fromkeys(meters)), configured(config, database), wait_s)
        orders = asyncio.run(_changed(asked))
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        failed(f"no database: {error}", ADVICE)
    except Occupied:
        failed("another command is changing keys here", "wait until it has ended")
    except Overloaded:
        failed("too many orders are waiting", "look at them: ami order list")
    except NeedsHeadEnd as error:
        failed(
            str(error),
            "start it: ami serve --config FILE; for meters that call, with direct.listen_port",
        )
    nobody = [order.meter for order in orders if order.reason is ReasonCode.UNKNOWN_METER]
    if len(nobody) == len(orders):
        advice = (
            "Enter it first: ami meter add METER --address …; see which there are: ami meter list"
        )
        wrong_usage(f"no meter {', '.join(nobody)}", advice, code="no-such-meter")
    if json:
        print_json([_row(order) for order in orders])
    else:
        for order in orders:
            _tell(order)
    if any(order.state is not State.DONE for order in orders):
        raise typer.Exit(1)


async def _changed(asked: _Asked) -> list[Order]:
    """Each meter's order, ended or as it stands when the patience is over."""
    from headend.app.rekeying import is_served, rekeying

    served = is_served(asked.config)
    async with rekeying(asked.config, served=served) as desk:
        orders = [await desk.place(meter, source=SOURCE) for meter in asked.meters]
        with _progress(len(orders)) as shown:
            bar = shown.add_task("new keys")
            try:
                async with asyncio.timeout(asked.wait_s):
                    async for _ in _ended(desk, orders, served=served):
                        shown.advance(bar)
            except TimeoutError:
                pass
        return [await desk.standing(order.number) for order in orders]


async def _ended(desk: KeyDesk, orders: list[Order], *, served: bool) -> AsyncIterator[Order]:
    """The orders, as they end."""
    places = asyncio.Semaphore(AT_ONCE)

    async def carried_out(order: Order) -> Order:
        async with places:
            return await desk.carry_out(order.number)

    async def watched(order: Order) -> Order:
        while not (order := await desk.standing(order.number)).final:
            await asyncio.sleep(LOOK_EVERY_S)
        return order

    follow = watched if served else carried_out
    tasks = [asyncio.ensure_future(follow(order)) for order in orders]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for left in tasks:
            left.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _progress(total: int) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )


def _tell(order: Order) -> None:
    told = f"meter {order.meter}: {styled(order.state)}, order {order.number}"
    if order.state is State.DONE:
        out.print(told)
        return
    reason = "" if order.reason is None else f": {REASONS[order.reason].text}"
    out.print(f"{told}{reason}")
    complain(f"meter {order.meter} has no new keys", f"Try: {_next_step(order)}")


def _next_step(order: Order) -> str:
    if not order.final:
        return f"ami order show {order.number}, or this command again, which takes it up"
    if order.reason in NEXT_STEP:
        return NEXT_STEP[order.reason]
    return f"ami explain order {order.number}"


def _row(order: Order) -> dict[str, object]:
    return {
        "meter": order.meter,
        "order": order.number,
        "state": order.state,
        "reason": order.reason,
        "next_step": None if order.state is State.DONE else _next_step(order),
    }
