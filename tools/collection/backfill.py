"""`ami collection backfill`: who is asked for what is missing, and asking again at once."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer
from rich.table import Table

from headend.app.validating import ask_again
from headend.ports import StoreUnavailable
from headend.store.backfill_queries import asked_meters, asks, given_up
from headend.store.registry_queries import MeterFilter
from tools.collection.asking import (
    LOAD_PROFILE,
    OfConcentrator,
    OfMeter,
    Profile,
    Question,
    day_named,
)
from tools.database.opening import ADVICE
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import out, print_json, show, wrong_usage


def backfill(
    concentrator: OfConcentrator = None,
    meter: OfMeter = None,
    day: Annotated[str | None, typer.Option(help="With --ask, of this day alone.")] = None,
    profile: Profile = LOAD_PROFILE,
    ask: Annotated[
        bool, typer.Option("--ask", help="Rest no longer, and take back what was given up.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many lines.")] = 100,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Who is asked for what is missing behind rows that came since, how often, and when again; and
    what was given up, with the reason.

    With --ask a running head-end asks at its next look ([[collection.backfill]] look_s).

    Example: [bold]ami collection backfill --meter 90000001 --ask[/]
    """
    which = MeterFilter(concentrator, meter=meter)
    only = None if day is None else day_named(day, "--day")
    question = Question.of(config, database, None, 1, which, profile)
    names = question.put(lambda connection: asked_meters(connection, which))
    again = None
    if ask:
        try:
            again = asyncio.run(ask_again(question.config, names, only))
        except StoreUnavailable as error:
            wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    found = question.put(lambda connection: asks(connection, which, limit=limit))
    span = (only or date.min, only or date.max)
    gone = question.put(lambda connection: given_up(connection, names, profile, *span))
    if json:
        told = [asdict(each) for each in gone.values()]
        items = [asdict(each) for each in found]
        print_json({"asks": items, "given_up": told[:limit], "asked_again": again})
        return
    if again is not None:
        out.print(f"{again:,} asks and days again at the next look")
    if found:
        table = Table("meter", "profile", "asked", "last", "again at the earliest", "by", box=None)
        for each in found:
            last, following = question.local(each.asked_at), question.local(each.next_at)
            table.add_row(each.meter, each.profile, f"{each.asked}", last, following, each.task)
        show(table)
    else:
        out.print("nobody is asked")
    if gone:
        table = Table("meter", "day", "given up", "intervals", "why", box=None)
        for lost in list(gone.values())[:limit]:
            when, count = question.local(lost.at), f"{lost.intervals}"
            table.add_row(lost.meter, lost.day.isoformat(), when, count, lost.reason)
        show(table)
