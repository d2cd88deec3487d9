"""`ami event`: what meters noticed, and who has seen it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from headend.domain.event import Severity, Subject
from headend.domain.event_table import of_name
from headend.store import event_queries as queries
from tools.database.opening import reading
from tools.event.told import STYLES, acknowledge, event_row, seen_text
from tools.moments import stated
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, out, print_json, show, wrong_usage

app = typer.Typer(
    name="event", help="Events: what meters noticed.", no_args_is_help=True, rich_markup_mode="rich"
)

Number = Annotated[int, typer.Argument(min=1, help="Its number.")]


@app.command("list")
def list_(
    device: Annotated[str | None, typer.Option(help="Only of this meter.")] = None,
    name: Annotated[str | None, typer.Option(help="Only these: power-down.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only these, and worse.")] = None,
    incident: Annotated[int | None, typer.Option(help="Only of this incident.")] = None,
    since: Annotated[str | None, typer.Option(help="Not older: 2026-11-23T18:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Older: 2026-11-24T18:00Z.")] = None,
    acknowledged: Annotated[
        bool | None,
        typer.Option("--acknowledged/--open", help="Only those that somebody has seen, or nobody."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Events, the latest first.

    Example: [bold]ami event list --severity major --open[/]
    """
    which = queries.EventFilter(
        device, name, severity, incident, _time("--since", since), _time("--until", until),
        acknowledged,
    )  # fmt: skip
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.events(connection, which, limit=limit))
    if json:
        print_json([event_row(each) for each in found])
        return
    table = Table(
        "event", "at (UTC)", "device", "severity", "what", "incident", "seen by", box=None
    )
    for each in found:
        event = each.event
        table.add_row(
            str(event.number),
            clock_text(event.at),
            event.device,
            f"[{STYLES[event.severity]}]{event.severity}[/]",
            of_name(event.name).text(),
            "" if event.incident is None else str(event.incident),
            seen_text(each.acknowledged),
        )
    show(table)


@app.command("show")
def show_(
    number: Number, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """One event: what, when, by which ways it was heard of.

    Example: [bold]ami event show 12[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.event(connection, number))
    if found is None:
        wrong_usage(
            f"no event {number} is known",
            "See which there are: ami event list",
            code="no-such-event",
        )
    if json:
        print_json(event_row(found))
        return
    for key, value in event_row(found).items():
        if isinstance(value, datetime):
            value = f"{clock_text(value)}Z"
        elif isinstance(value, tuple):
            value = ", ".join(value)
        elif key == "acknowledged":
            value = seen_text(found.acknowledged)
        if value not in (None, ""):
            out.print(f"{key:13}{value}", markup=False)


@app.command("ack")
def ack(
    number: Number,
    note: Annotated[str, typer.Option(help="What is being done about it.")] = "",
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Say that you look after an event.  The first acknowledgement stands.

    Example: [bold]ami event ack 12 --note "crew is on its way"[/]
    """
    acknowledge(Subject.EVENT, number, note, config, database, json)


def _time(option: str, text: str | None) -> datetime | None:
    return None if text is None else stated(option, text)
