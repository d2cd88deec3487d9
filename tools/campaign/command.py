"""`ami campaign`: orders for many meters, in waves."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from headend.app.access import By
from headend.app.campaigns import CampaignDesk, NotStarted, Wanted, wish_with
from headend.campaigns.starting import wish_of
from headend.domain.account import Permission
from headend.domain.campaign import (
    GOING_ON,
    BadPlan,
    Campaign,
    CampaignState,
    Choice,
    Plan,
    Progress,
)
from headend.domain.order import Kind
from headend.orders import cutting
from headend.store import campaign_queries as queries
from tools.campaign import told
from tools.campaign.desk import Approver, As, as_second, at_desk, policy_of
from tools.database.opening import reading
from tools.moments import duration, moment
from tools.options import ConfigFile, Json, OtherDatabase
from tools.order.command import amount_of
from tools.terminal import clock_text, err, out, print_json, wrong_usage
from tools.terminal import show as show_

NUMBER_MAX = 10**12
LOOK_S = 1.0

app = typer.Typer(
    help="Orders for many meters: start, list, show, watch, pause, resume, retry, cancel, approve,"
    " refuse.",
    no_args_is_help=True,
)

Number = Annotated[int, typer.Argument(min=1, max=NUMBER_MAX, help="The campaign's number.")]
Why = Annotated[str, typer.Option(help="Why, for those who look later.")]


@app.command()
def start(
    kind: Annotated[Kind, typer.Option(help="What to order.")],
    limit: Annotated[str | None, typer.Option(help="The limit, e.g. 2kW or 3300W.")] = None,
    until: Annotated[
        str | None, typer.Option(help="End of the limit: after 2h, or at 2026-11-23T18:00Z.")
    ] = None,
    object_: Annotated[
        list[str], typer.Option("--object", help="What to read; several may be named.")
    ] = [],  # noqa: B006
    detail: Annotated[
        list[str], typer.Option("--with", metavar="NAME=VALUE", help="What other kinds take.")
    ] = [],  # noqa: B006
    meter: Annotated[list[str], typer.Option(help="This meter; several may be named.")] = [],  # noqa: B006
    file: Annotated[
        Path | None, typer.Option("--file", help="A file with a meter's number on each line.")
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="All that hang in a place: T-17, or transformer:T-17.")
    ] = None,
    concentrator: Annotated[str | None, typer.Option(help="All behind it.")] = None,
    model: Annotated[str | None, typer.Option(help="All of this model.")] = None,
    firmware: Annotated[str | None, typer.Option(help="All that last said they run it.")] = None,
    every: Annotated[bool, typer.Option("--every", help="All meters there are.")] = False,
    wave: Annotated[
        list[str], typer.Option(help="Size of a wave, 50 or 10%; the last repeats.")
    ] = ["100%"],  # noqa: B006
    pace: Annotated[int | None, typer.Option(min=1, help="So many under way at most.")] = None,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Of a wave that ends before the next begins.")
    ] = 1.0,
    stop_share: Annotated[
        float, typer.Option(min=0, max=1, help="Of a wave: more failures stop the campaign.")
    ] = 0.2,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="All at once, before all other orders, on any day.")
    ] = False,
    any_day: Annotated[bool, typer.Option(help="Allow days that are no working days.")] = False,
    order_deadline: Annotated[
        str | None, typer.Option(help="Each order's time, like 6h, once it is given out.")
    ] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_: As = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before supply is cut.")] = False,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Order one thing for many meters; a running head-end gives it out.

    Example: [bold]ami campaign start --emergency --kind set-limit --limit 2kW --until 2h
    --place T-17[/], [bold]ami campaign start --kind change-keys --model A --wave 1% --wave 10%[/]
    """
    now = datetime.now(UTC)
    amount, unit = amount_of(limit) if limit else (None, None)
    ends_at = moment("--until", until, now) if until is not None else None
    seconds = None if order_deadline is None else int(duration("--order-deadline", order_deadline))
    choice = Choice((*meter, *_listed(file)), _place(place), concentrator, model, firmware)
    watts = None if amount is None else Decimal(amount)
    policy = policy_of(config, database)
    if cutting.cuts(kind, watts, unit, policy) and not yes:
        typer.confirm(f"Cut the supply of {choice}?", abort=True, err=True)
    try:
        wish = wish_with(
            kind, watts, unit, ends_at, dict(map(_pair, detail)),
        )  # fmt: skip
        wanted = Wanted(
            wish, choice, Plan(tuple(wave), pace, share, stop_share), tuple(object_), emergency,
            any_day, seconds, note, every,
        )  # fmt: skip
    except BadPlan as error:
        wrong_usage(str(error))
    except NotStarted as error:
        wrong_usage(str(error), error.next_step, code=error.code)
    needed = cutting.permission(kind, watts, unit, policy)
    campaign = at_desk(config, database, as_, needed, lambda desk, by: desk.start(wanted, by))
    _tell(campaign, json)
    if not json:
        out.print(f"Watch it: ami campaign watch {campaign.number}")


@app.command("list")
def list_(
    state: Annotated[list[CampaignState], typer.Option(help="Only in this state.")] = [],  # noqa: B006
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = 50,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """The latest campaigns, newest first.

    Example: [bold]ami campaign list --state running[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.campaigns(connection, state, limit=limit))
    if json:
        print_json([told.row(each) for each in found])
        return
    table = Table("campaign", "made (UTC)", "what", "meters", "chosen", "by", "state", box=None)
    for each in found:
        table.add_row(
            str(each.number), clock_text(each.made_at), str(each.kind), str(each.size),
            str(each.choice), each.asked_by, told.state(each),
        )  # fmt: skip
    show_(table)


@app.command()
def show(
    number: Number,
    meters: Annotated[bool, typer.Option("--meters", help="With each of its meters.")] = False,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """One campaign: how far each wave is, why meters failed, and its story.

    Example: [bold]ami campaign show 7 --meters[/]
    """
    with reading(database, config) as reader:
        found = _known(reader.read(lambda connection: queries.progress(connection, number)), number)
        story = reader.read(lambda connection: queries.story(connection, number))
        of_it = reader.read(
            lambda connection: queries.campaign_meters(
                connection, number, limit=found.campaign.size if meters else 0
            )
        )
    if json:
        whole = {**told.standing(found), "story": [told.told(line) for line in story]}
        print_json({**whole, "meters": of_it} if meters else whole)
        return
    told.page(found, story)
    if meters:
        table = Table("meter", "wave", "state", "tries", "order", "reason", box=None)
        for each in of_it:
            order = "" if each.order is None else str(each.order)
            table.add_row(
                each.meter, str(each.wave), each.state, str(each.tries), order, each.reason or ""
            )
        show_(table)


@app.command()
def watch(
    number: Number, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Follow a campaign until it ends, is paused or stops; then as `show`.  Exit code 1 where
    meters failed or it did not come to its end.

    Example: [bold]ami campaign watch 7[/]
    """
    with reading(database, config) as reader:
        found = _known(reader.read(lambda connection: queries.progress(connection, number)), number)
        with Bar(
            TextColumn("campaign {task.description}"), BarColumn(told.BAR),
            TextColumn("{task.completed} of {task.total}: {task.fields[told]}"),
            console=err, transient=True, disable=not err.is_terminal,
        ) as bar:  # fmt: skip
            task = bar.add_task(str(number), total=found.campaign.size, told="")
            while True:
                bar.update(task, completed=found.total.ended, told=told.line(found))
                if found.campaign.ended_at or found.campaign.state in _AT_REST:
                    break
                time.sleep(LOOK_S)
                again = reader.read(lambda connection: queries.progress(connection, number))
                found = _known(again, number)
        story = reader.read(lambda connection: queries.story(connection, number))
    if json:
        print_json({**told.standing(found), "story": [told.told(line) for line in story]})
    else:
        told.page(found, story)
    if found.campaign.state is not CampaignState.DONE or found.total.failed:
        raise typer.Exit(1)


_AT_REST = GOING_ON - {CampaignState.RUNNING}


@app.command()
def pause(
    number: Number,
    why: Why = "",
    as_: As = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Give nothing more out until it is resumed; what is under way goes on.

    Example: [bold]ami campaign pause 7 --why "storm on its way"[/]
    """
    steer(number, as_, config, database, json, lambda desk, by: desk.pause(number, by, why))


@app.command()
def resume(
    number: Number,
    as_: As = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Go on, also where it had stopped itself.

    Example: [bold]ami campaign resume 7[/]
    """
    steer(number, as_, config, database, json, lambda desk, by: desk.resume(number, by))


@app.command()
def retry(
    number: Number,
    as_: As = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Give each meter that failed another order.

    Example: [bold]ami campaign retry 7[/]
    """
    steer(number, as_, config, database, json, lambda desk, by: desk.retry(number, by))


@app.command()
def cancel(
    number: Number,
    why: Why = "",
    as_: As = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """End it: what has not been sent is withdrawn.

    Example: [bold]ami campaign cancel 7 --why "false alarm"[/]
    """
    work = lambda desk, by: desk.cancel(number, by, why)  # noqa: E731
    _tell(at_desk(config, database, as_, Permission.ORDER_CANCEL, work), json)


@app.command()
def approve(
    number: Number,
    as_: Approver,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Let its disconnections through, as the second person.

    Example: [bold]ami campaign approve 7 --as eva[/]
    """
    work = lambda desk, who: desk.approve(number, who, source="command")  # noqa: E731
    _tell(as_second(config, database, as_, work), json)


@app.command()
def refuse(
    number: Number,
    as_: Approver,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """End what is held of it, and cancel the rest.

    Example: [bold]ami campaign refuse 7 --as eva[/]
    """
    work = lambda desk, who: desk.refuse(number, who, source="command")  # noqa: E731
    _tell(as_second(config, database, as_, work), json)


def steer(
    number: int,
    account: str | None,
    config: Path | None,
    database: str | None,
    json: bool,
    work: Callable[[CampaignDesk, By], Awaitable[Campaign]],
) -> None:
    """Steer a campaign by the permission that its orders take."""
    needed = Permission.ORDER_SEND
    if account is not None:
        with reading(database, config) as reader:
            found = reader.read(lambda connection: queries.progress(connection, number))
            wish = wish_of(_known(found, number).campaign)
            policy = policy_of(config, database)
            needed = cutting.permission(wish.kind, wish.amount, wish.unit, policy)
    _tell(at_desk(config, database, account, needed, work), json)


def _tell(campaign: Campaign, json: bool) -> None:
    if json:
        print_json(told.row(campaign))
    else:
        out.print(
            f"campaign {campaign.number}: {campaign.kind} for {campaign.size} meters:"
            f" {told.state(campaign)}"
        )


def _known(found: Progress | None, number: int) -> Progress:
    if found is None:
        wrong_usage(
            f"no campaign {number}", "See the numbers with: ami campaign list",
            code="no-such-campaign",
        )  # fmt: skip
    return found


def _listed(file: Path | None) -> list[str]:
    """The meters of a file, one a line."""
    if file is None:
        return []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        wrong_usage(f"{file}: {getattr(error, 'strerror', None) or 'no text'}", code="no-file")
    return [line.strip() for line in lines if line.strip()]


def _place(text: str | None) -> str | None:
    """A place's code, its kind before it or not."""
    return None if text is None else text.partition(":")[2] or text


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        wrong_usage(f"--with takes NAME=VALUE, not {text!r}")
    return name, value
