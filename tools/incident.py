"""`ami incident`: outages and phase losses of many meters, each as one."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from headend.domain.event import IncidentKind, Subject
from headend.domain.event_table import of_name
from headend.store import event_queries as queries
from tools.database.opening import reading
from tools.event.told import acknowledge, event_row, incident_row, seen_text
from tools.moments import stated
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, out, print_json, show, wrong_usage

app = typer.Typer(
    name="incident",
    help="Incidents: what many meters lost at once.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

EVENTS_SHOWN = 1000
Number = Annotated[int, typer.Argument(min=1, help="Its number.")]


@app.command("list")
def list_(
    kind: Annotated[IncidentKind | None, typer.Option(help="Only these.")] = None,
    place: Annotated[str | None, typer.Option(help='Only there: "transformer T-1".')] = None,
    going_on: Annotated[
        bool | None,
        typer.Option("--going-on/--ended", help="Only those that go on, or have ended."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Not older: 2026-11-23T18:00Z.")] = None,
    acknowledged: Annotated[
        bool | None,
        typer.Option("--acknowledged/--open", help="Only those that somebody has seen, or nobody."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Incidents, the latest first.

    Example: [bold]ami incident list --going-on[/]
    """
    moment = None if since is None else stated("--since", since)
    which = queries.IncidentFilter(kind, place, going_on, moment, acknowledged)
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.incidents(connection, which, limit=limit))
    if json:
        print_json([incident_row(each) for each in found])
        return
    table = Table(
        "incident", "kind", "place", "began (UTC)", "ended (UTC)", "meters", "without", "seen by",
        box=None,
    )  # fmt: skip
    for each in found:
        one = each.incident
        table.add_row(
            str(one.number),
            one.kind,
            one.place,
            clock_text(one.began_at),
            clock_text(one.ended_at),
            str(one.members),
            str(one.without),
            seen_text(each.acknowledged),
        )
    show(table)


@app.command("show")
def show_(
    number: Number, config: ConfigFile = None, database: OtherDatabase = None, json: Json = False
) -> None:
    """One incident and its events, the latest first.

    Example: [bold]ami incident show 3 --json[/]
    """
    which = queries.EventFilter(incident=number)
    with reading(database, config) as reader:
        found, events = reader.read(
            lambda connection: (
                queries.incident(connection, number),
                queries.events(connection, which, limit=EVENTS_SHOWN),
            )
        )
    if found is None:
        wrong_usage(
            f"no incident {number} is known",
            "See which there are: ami incident list",
            code="no-such-incident",
        )
    if json:
        print_json({**incident_row(found), "events": [event_row(each) for each in events]})
        return
    one = found.incident
    ended = "goes on" if one.ended_at is None else f"ended {clock_text(one.ended_at)}Z"
    told = f"{one.kind} at {one.place}: began {clock_text(one.began_at)}Z, {ended}"
    out.print(f"{told}; {one.members} meters, {one.without} without", markup=False)
    if one.merged_into is not None:
        out.print(f"It is a part of incident {one.merged_into}.")
    table = Table("event", "at (UTC)", "device", "what", box=None)
    for each in events:
        event = each.event
        table.add_row(
            str(event.number), clock_text(event.at), event.device, of_name(event.name).text()
        )
    show(table)


@app.command("ack")
def ack(
    number: Number,
    note: Annotated[str, typer.Option(help="What is being done about it.")] = "",
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Say that you look after an incident, and with it after all its events.

    Example: [bold]ami incident ack 3 --note "crew is on its way"[/]
    """
    acknowledge(Subject.INCIDENT, number, note, config, database, json)
