"""`ami task`: what the head-end does by schedule, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from headend.app.tasks import By, TaskDesk, known_kinds, task_desk
from headend.domain.task import CatchUp, Every, RunState, Task, Weekday
from headend.store import task_queries as queries
from tools.database.opening import reading
from tools.moments import past
from tools.options import ConfigFile, Json, OtherDatabase
from tools.task import told
from tools.task.at_desk import at_desk
from tools.task.wish import schedule_in, wish_of
from tools.terminal import clock_text, out, print_json, wrong_usage
from tools.terminal import show as show_

T = TypeVar("T")

app = typer.Typer(
    name="task",
    help="Scheduled tasks: list, show, new, edit, delete, on, off, run, pause, resume, history,"
    " log, kinds.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Name = Annotated[str, typer.Argument(help="The task's name.")]
Ran = Annotated[int, typer.Argument(min=1, max=10**12, help="The run's number.")]
At = Annotated[str | None, typer.Option(help="The time of day, by the utility's clocks: 05:40.")]
On = Annotated[str | None, typer.Option(help="The day, of once: 2026-11-30.")]
Days = Annotated[
    list[Weekday], typer.Option("--weekday", help="Of weekly: mon; several may be named.")
]
Length = Annotated[str | None, typer.Option(help="Of an interval: 15m, 6h.")]
Start = Annotated[str | None, typer.Option(help="Not before: 2026-11-30T00:00-03:00.")]
End = Annotated[str | None, typer.Option(help="Not after: 2026-12-31T00:00-03:00.")]
Set = Annotated[
    list[str],
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter, as its kind takes it."),
]
Missed = Annotated[
    CatchUp | None,
    typer.Option("--catch-up", help="What becomes of runs that were missed [as its kind says]."),
]


@app.command("list")
def list_(config: ConfigFile = None, database: OtherDatabase = None, json: Json = False) -> None:
    """All tasks: when they fall due, how the last run ended, and how many are under way.

    Example: [bold]ami task list[/]
    """
    with reading(database, config) as reader:
        found, running = reader.read(
            lambda connection: (queries.tasks(connection), queries.running(connection))
        )
    if json:
        print_json({"running": running, "tasks": [told.standing(each) for each in found]})
        return
    table = Table("task", "when", "next (UTC)", "state", "last run (UTC)", "took", box=None)
    for each in found:
        last = each.last
        table.add_row(
            each.task.name, told.when(each.task.schedule), clock_text(each.task.due_at),
            told.state(each), "-" if last is None else f"{clock_text(last.ended_at)} {last.state}",
            "" if last is None else told.took(last),
        )  # fmt: skip
    show_(table)
    out.print(f"under way: {running}")


@app.command()
def show(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """One task, its parameters and its newest run.

    Example: [bold]ami task show UnbalanceHr[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.task(connection, name))
    if found is None:
        wrong_usage(
            f"no task is called {name}", "See which there are: ami task list", code="no-such-task"
        )
    if json:
        print_json(told.standing(found))
    else:
        told.page(found)


@app.command()
def new(
    name: Name,
    kind: Annotated[str, typer.Option(help="The plug-in: ami task kinds.")],
    every: Annotated[Every, typer.Option(help="How often.")],
    at: At = None,
    on: On = None,
    weekday: Days = [],  # noqa: B006
    interval: Length = None,
    start: Start = None,
    end: End = None,
    set_: Set = [],  # noqa: B006
    catch_up: Missed = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Make a task.  A running head-end runs it when it falls due.

    Example: [bold]ami task new again --kind UnbalanceHr --every weekly --weekday sun --at 07:00[/]

    Example: [bold]ami task new look --kind SIADSimoceMapping --every interval --interval 6h[/]
    """
    schedule = schedule_in(every, at, on, weekday, interval, start, end)
    wish = wish_of(kind, schedule, set_, catch_up)
    _changed(config, database, json, lambda desk, by: desk.new(name, wish, by))


@app.command()
def edit(
    name: Name,
    every: Annotated[Every | None, typer.Option(help="Another schedule: how often.")] = None,
    at: At = None,
    on: On = None,
    weekday: Days = [],  # noqa: B006
    interval: Length = None,
    start: Start = None,
    end: End = None,
    set_: Set = [],  # noqa: B006
    catch_up: Missed = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Change a task's schedule as a whole, or some of its parameters; the rest stays.

    Example: [bold]ami task edit UnbalanceHr --every daily --at 04:30[/]
    """
    schedule = None
    if every is not None:
        schedule = schedule_in(every, at, on, weekday, interval, start, end)
    elif any((at, on, weekday, interval, start, end)):
        wrong_usage("a schedule is changed as a whole: say --every too")
    wish = wish_of(None, schedule, set_, catch_up)
    _changed(config, database, json, lambda desk, by: desk.edit(name, wish, by))


@app.command()
def delete(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Delete a task; its runs and their logs stay.

    Example: [bold]ami task delete look[/]
    """
    _changed(config, database, json, lambda desk, by: desk.delete(name, by))


@app.command("on")
def on_(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Activate a task: it falls due from now on.

    Example: [bold]ami task on UnbalanceHr[/]
    """
    _changed(config, database, json, lambda desk, by: desk.activate(name, by))


@app.command()
def off(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Deactivate a task: what it misses is not made up for.

    Example: [bold]ami task off UnbalanceHr[/]
    """
    _changed(config, database, json, lambda desk, by: desk.deactivate(name, by))


@app.command()
def pause(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Begin nothing of a task, and stop what is under way; what it misses is made up for later.

    Example: [bold]ami task pause UnbalanceHr[/]
    """
    _changed(config, database, json, lambda desk, by: desk.pause(name, by))


@app.command()
def resume(
    name: Name, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """Let a paused task go on.

    Example: [bold]ami task resume UnbalanceHr[/]
    """
    _changed(config, database, json, lambda desk, by: desk.resume(name, by))


@app.command()
def run(
    name: Name,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="As if it were then: 2026-11-20T05:40-03:00.")
    ] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Have a running head-end run a task now, beside its schedule.

    Example: [bold]ami task run UnbalanceHr --as-of 2026-11-20T05:40-03:00[/]
    """
    due_at = None if as_of is None else past("--as-of", as_of, datetime.now(UTC))
    found = at_desk(task_desk, config, database, lambda desk, by: desk.run_now(name, by, due_at))
    if json:
        print_json(told.run(found))
    else:
        out.print(f"run {found.number} of {name} waits for a head-end: ami task history {name}")


@app.command()
def history(
    name: Annotated[str | None, typer.Argument(help="Only of this task.")] = None,
    state: Annotated[list[RunState], typer.Option(help="Only in this state.")] = [],  # noqa: B006
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = 50,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Runs, the latest first: when, how long, and what came of them.

    Example: [bold]ami task history UnbalanceHr --state failed[/]
    """
    with reading(database, config) as reader:
        found = reader.read(
            lambda connection: queries.runs(connection, name, states=state, limit=limit)
        )
    if json:
        print_json([told.run(each) for each in found])
        return
    table = Table("run", "task", "for (UTC)", "began (UTC)", "took", "state", "what", box=None)
    for each in found:
        table.add_row(
            str(each.number), each.task, clock_text(each.due_at), clock_text(each.began_at),
            told.took(each), told.run_state(each), told.outcome(each),
        )  # fmt: skip
    show_(table)


@app.command()
def log(
    number: Ran, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """What a run wrote down.

    Example: [bold]ami task log 12[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.run(connection, number))
        lines = reader.read(lambda connection: queries.log(connection, number))
    if found is None:
        wrong_usage(
            f"no run {number} is known", "See which there are: ami task history",
            code="no-such-run",
        )  # fmt: skip
    if json:
        print_json({**told.run(found), "log": [told.line(each) for each in lines]})
        return
    for each in lines:
        out.print(f"{clock_text(each.at)}  {each.text}", markup=False)
    out.print(f"{clock_text(found.ended_at)}  {found.state}: {told.outcome(found)}", markup=False)


@app.command()
def kinds(
    name: Annotated[str | None, typer.Argument(help="Only this one.")] = None, json: Json = False
) -> None:
    """The plug-ins there are, and the parameters that each takes.

    Example: [bold]ami task kinds UnbalanceHr[/]
    """
    found = known_kinds()
    if name is not None and found.get(name) is None:
        wrong_usage(
            f"no plug-in is called {name}", "See which there are: ami task kinds",
            code="no-such-kind",
        )  # fmt: skip
    wanted = [each for each in found.known.values() if name in (None, each.name)]
    if json:
        kinds_told = [told.kind(each) for each in wanted]
        print_json({"kinds": kinds_told, "broken": dict(found.broken)})
        return
    for each in wanted:
        told.kind_page(each)
    for point, why in found.broken.items():
        out.print(f"{point} cannot be used: {why}", markup=False)


def _changed(
    config: Path | None,
    database: str | None,
    json: bool,
    work: Callable[[TaskDesk, By], Awaitable[Task]],
) -> None:
    task = at_desk(task_desk, config, database, work)
    if json:
        print_json(told.task(task))
    else:
        out.print(told.sentence(task))
