"""`ami concentrator ask` and `activities`: what concentrators are asked, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from headend.clock import WallClock
from headend.config import BadConfig, Config
from headend.domain.account import Permission
from headend.domain.activity import Activity, ActivityKind, ActivityState
from headend.domain.reason import REASONS
from headend.registry.activity_asking import (
    BACK_S,
    DEADLINE_MAX_S,
    DEADLINE_MIN_S,
    DEADLINE_S,
    AskWanted,
    NotAsked,
    ask,
)
from headend.registry.activity_schedule import following, meant, turns
from headend.store import activity_queries as queries
from headend.store.queries import Connection
from headend.store.upkeep_queries import concentrators_heard, state_of
from tools.campaign.desk import As, at_desk
from tools.database.opening import configured, reading
from tools.moments import duration
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, err, failed, out, print_json, show, wrong_usage

LOOK_S = 0.5
UPKEEP = "upkeep"
"""The name under which the hourly question of how each fares is listed."""


def activity_verbs(app: typer.Typer) -> None:
    """The verbs of `ami concentrator` that concern activities."""
    app.command("ask")(ask_concentrator)
    app.command("activities")(list_activities)


def ask_concentrator(
    name: Annotated[str, typer.Argument(help="The concentrator's id.")],
    kind: Annotated[ActivityKind, typer.Argument(help="What to ask.")],
    meter: Annotated[
        list[str], typer.Option(help="Of a task: a meter; several; none: all behind it.")
    ] = [],  # noqa: B006
    object_: Annotated[
        list[str],
        typer.Option("--object", help="Of a task: a word of the model, or a logical name."),
    ] = [],  # noqa: B006
    back: Annotated[
        str, typer.Option(help="Of a task: how far back a profile's rows reach.")
    ] = f"{BACK_S // 3600}h",
    deadline: Annotated[
        str, typer.Option(help="One that is away is asked when it comes back within this time.")
    ] = f"{DEADLINE_S / 60:.0f}m",
    wait: Annotated[
        str | None, typer.Option(help="Wait so long for the answer, e.g. 60s; 1 where none came.")
    ] = None,
    as_: As = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Ask a concentrator of its state, clock, topology, events or faults; or have it read meters
    once, look for meters that it does not have yet, or restart.

    The running head-end carries it out.

    Example: [bold]ami concentrator ask C-007 clock --wait 60s[/]

    Example: [bold]ami concentrator ask C-007 reboot --deadline 10m --wait 3m[/]

    Example: [bold]ami concentrator ask C-007 task --meter 4711 --object load-profile --back 2h[/]
    """
    deadline_s, back_s = duration("--deadline", deadline), round(duration("--back", back))
    wait_s = None if wait is None else duration("--wait", wait)
    if not DEADLINE_MIN_S <= deadline_s <= DEADLINE_MAX_S:
        wrong_usage(f"--deadline lies between ten seconds and thirty days ahead, not {deadline!r}")
    wanted = AskWanted(name, kind, deadline_s, tuple(meter), tuple(object_), back_s)
    try:
        asked = at_desk(
            config, database, as_, Permission.CONCENTRATOR_ASK,
            lambda desk, by: desk.store.run(
                lambda tx: ask(tx, wanted, by, desk.clock.now(), desk.reads)
            ),
        )  # fmt: skip
    except NotAsked as error:
        wrong_usage(str(error), error.next_step, code=error.code)
    if wait_s is not None:
        asked = _waited(asked, configured(config, database), wait_s)
    if json:
        print_json(_told(asked))
    else:
        out.print(_line(asked), markup=False)
    if wait_s is not None and asked.state is not ActivityState.ANSWERED:
        failed(
            f"no answer yet: {asked.state}" if asked.open else f"it has {asked.state}",
            f"Later: ami concentrator activities {name}",
            code="no-answer",
        )


def _waited(asked: Activity, settings: Config, wait_s: float) -> Activity:
    """The activity once it has ended, or as it stands when the time is over."""
    until, number = time.monotonic() + wait_s, asked.number
    with reading(settings.database) as reader, _progress(err) as shown:
        while True:
            found = reader.read(lambda connection: queries.activity(connection, number))
            asked = found or asked
            if not asked.open or time.monotonic() >= until:
                return asked
            shown.update(f"{asked.concentrator} {asked.kind}: {asked.state} {_what(asked)}")
            time.sleep(LOOK_S)


def _progress(console: Console) -> Any:
    """What turns while one waits, on a terminal alone."""
    return console.status("asked") if console.is_terminal else _Quiet()


class _Quiet:
    """Shows nothing."""

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def update(self, text: str) -> None:
        """Nobody looks."""


def list_activities(
    name: Annotated[str | None, typer.Argument(help="Of this concentrator alone.")] = None,
    next_: Annotated[
        bool, typer.Option("--next", help="What is to come by schedule instead.")
    ] = False,
    state: Annotated[list[ActivityState], typer.Option(help="Only in this state; several.")] = [],  # noqa: B006
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """What concentrators were asked, by schedule and on demand, the latest first.

    Example: [bold]ami concentrator activities C-007[/]

    Example: [bold]ami concentrator activities --next --config ami.toml[/]
    """
    try:
        settings = configured(config, database)
    except BadConfig as error:
        wrong_usage(str(error))
    if next_:
        _show_next(settings, name, limit, json)
        return
    with reading(settings.database) as reader:
        found = reader.read(
            lambda connection: queries.activities(connection, name, states=state, limit=limit)
        )
    if json:
        print_json([_told(each) for each in found])
        return
    table = Table("activity", "concentrator", "asked (UTC)", "by", "state", "", box=None)
    for each in found:
        table.add_row(
            f"{each.number} {each.kind}", each.concentrator, clock_text(each.asked_at),
            each.asked_by, each.state, _what(each),
        )  # fmt: skip
    show(table)


@dataclass(frozen=True, slots=True)
class Coming:
    """What a concentrator will be asked by schedule; `at` is None until it comes on line."""

    schedule: str
    kind: ActivityKind
    concentrator: str
    at: datetime | None


def _show_next(settings: Config, name: str | None, limit: int, json: bool) -> None:
    now = WallClock().now()
    with reading(settings.database) as reader:
        found = reader.read(lambda connection: list(_coming(connection, settings, now)))
    late = datetime.max.replace(tzinfo=UTC)
    wanted = [each for each in found if name in (None, each.concentrator)]
    wanted.sort(key=lambda each: (each.at or late, each.schedule, each.concentrator))
    if json:
        print_json([msgspec.to_builtins(each) for each in wanted[:limit]])
        return
    table = Table("at (UTC)", "concentrator", "what", "by", box=None)
    for each in wanted[:limit]:
        at = "once it is on line" if each.at is None else clock_text(each.at)
        table.add_row(at, each.concentrator, each.kind, each.schedule)
    show(table)


def _coming(connection: Connection, settings: Config, now: datetime) -> Iterator[Coming]:
    tx = queries.words(connection)
    zone = ZoneInfo(settings.orders.zone)
    for schedule in settings.concentrator.activity:
        for turn in turns(schedule, meant(tx, schedule), now, zone):
            at = following(turn, schedule, now, zone).at
            yield Coming(turn.schedule, turn.kind, turn.concentrator, at)
    heard = concentrators_heard(connection)
    for concentrator in tx.concentrator_names():
        known = state_of(connection, concentrator)
        due = None
        if known is not None and heard.get(concentrator):
            due = max(now, known.received_at + timedelta(seconds=settings.upkeep.state_every_s))
        yield Coming(UPKEEP, ActivityKind.STATE, concentrator, due)


def _line(activity: Activity) -> str:
    head = f"activity {activity.number}: {activity.concentrator} {activity.kind}, {activity.state}"
    what = _what(activity)
    return f"{head}: {what}" if what else f"{head}; until {clock_text(activity.deadline)} UTC"


def _what(activity: Activity) -> str:
    """What it told, and why it told no more."""
    told = [f"{word} {value}" for word, value in (activity.told or {}).items()]
    told += [] if activity.reason is None else [REASONS[activity.reason].text]
    return ", ".join(told)


def _told(activity: Activity) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(activity)
    return found
