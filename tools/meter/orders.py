"""`ami meter clock` and `ami meter tariff`: by orders that the running head-end carries out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from headend.config import BadConfig, Config
from headend.domain.order import Order, State
from headend.domain.reason import REASONS, ReasonCode
from headend.store.clock_queries import meter_clock_of_order
from headend.store.queries import order as order_of
from tools.database.opening import ADVICE, configured, reading
from tools.moments import duration, moment
from tools.options import ConfigFile, Json, OtherDatabase
from tools.tariff import calendar_in
from tools.terminal import clock_text, err, failed, out, print_json, styled, wrong_usage

SOURCE = "AMI-CLI"
LOOK_EVERY_S = 0.25
Meter = Annotated[str, typer.Argument(help="The meter's number.")]
Wait = Annotated[str, typer.Option(help="Wait so long for the end; 0s does not wait.")]


def command_verbs(app: typer.Typer) -> None:
    """Make `ami meter clock` and `ami meter tariff` of it."""
    app.command("clock")(clock)
    app.command("tariff")(tariff)


def clock(
    meter: Meter,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    wait: Wait = "2m",
    json: Json = False,
) -> None:
    """Measure a meter's clock, and put it right where it is off.

    Within the tolerance it is left alone, up to the limit it is shifted, beyond it is set ([clock]
    in the configuration).  Exit code 1 where the order is not done.

    Example: [bold]ami meter clock 90000001 --database ami.db[/]
    """
    # Imported here: the other commands need not wait for the whole head-end.
    from headend.app.commanding import place_clock

    settings, wait_s = _configured(config, database), duration("--wait", wait)
    placed = _placed(lambda: place_clock(settings, meter, source=SOURCE))
    ended = _ended(settings, placed, wait_s)
    with reading(settings.database) as reader:
        found = reader.read(lambda connection: meter_clock_of_order(connection, ended.number))
    if json:
        print_json({**_row(ended), "clock": None if found is None else msgspec.to_builtins(found)})
    else:
        out.print(f"order {ended.number}: {styled(ended.state)}")
        if found is not None:
            out.print(f"  meter {meter}: {found}", markup=False)
    _judge(ended)


def tariff(
    meter: Meter,
    file: Annotated[Path, typer.Argument(help="The calendar, as ami tariff check takes it.")],
    activate: Annotated[
        str,
        typer.Option(help="When it holds from: now, after 2h, or at 2026-12-01T03:00Z."),
    ],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    wait: Wait = "2m",
    json: Json = False,
) -> None:
    """Bring a tariff calendar to a meter: written, read back, and put in force at its time.

    With a time there is a second order just after it, which sees whether the calendar is in force.
    Special days hold as soon as they are written.  Exit code 1 where the order is not done.

    Example: [bold]ami meter tariff 90000001 summer.toml --activate 2026-12-01T03:00Z[/]
    """
    from headend.app.commanding import place_tariff

    calendar, now = calendar_in(file), datetime.now(UTC)
    settings, wait_s = _configured(config, database), duration("--wait", wait)
    if activate != "now":
        at = moment("--activate", activate, now)
        if at <= now:
            wrong_usage("--activate is past; to put it in force at once: --activate now")
        calendar = msgspec.structs.replace(calendar, activate_at=at)
    orders = _placed(lambda: place_tariff(settings, meter, calendar, source=SOURCE))
    ended = _ended(settings, orders[0], wait_s)
    later = [order.number for order in orders[1:]]
    if json:
        print_json({**_row(ended), "calendar": calendar.name, "confirmed_by": later})
    else:
        out.print(f"order {ended.number}: {styled(ended.state)}, calendar {calendar.name}")
        for order in orders[1:]:
            text = f"  order {order.number} looks at it: {clock_text(order.ready_at)}"
            out.print(text, markup=False)
    _judge(ended)


def _configured(config: Path | None, database: str | None) -> Config:
    try:
        return configured(config, database)
    except BadConfig as error:
        wrong_usage(str(error))


def _placed(place: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    from headend.app.commanding import Overloaded, StoreUnavailable

    try:
        return asyncio.run(place())
    except Overloaded:
        failed("too many orders are waiting", "look at them: ami order list")
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")


def _ended(settings: Config, placed: Order, wait_s: float) -> Order:
    """The order once it has ended, or as it stands when the patience is over; ends the command
    where there is no such meter."""
    found = placed
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    shown = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    with reading(settings.database) as reader, shown:
        shown.add_task(f"order {placed.number}")
        for _ in range(int(wait_s / LOOK_EVERY_S)):
            if found.final:
                break
            time.sleep(LOOK_EVERY_S)
            found = reader.read(lambda connection: order_of(connection, placed.number)) or placed
    if found.reason is ReasonCode.UNKNOWN_METER:
        advice = "See which there are: ami meter list"
        wrong_usage(f"no meter {found.meter}", advice, code="no-such-meter")
    return found


def _judge(order: Order) -> None:
    """Ends the command unless the order is done."""
    if order.state is State.DONE:
        return
    if not order.final:
        advice = f"Is a head-end running?  Look again with: ami order show {order.number}"
        failed(f"order {order.number} is {order.state}", advice)
    reason = "" if order.reason is None else REASONS[order.reason].text
    text = f"order {order.number} {order.state}: {reason}"
    failed(text, f"ami explain order {order.number}")


def _row(order: Order) -> dict[str, object]:
    reason = order.reason
    return {
        "order": order.number,
        "meter": order.meter,
        "kind": order.kind,
        "state": order.state,
        "reason": reason,
        "reason_text": None if reason is None else REASONS[reason].text,
    }
