"""`ami collection validate` and `ami collection findings`: what is odd in collected rows, and what
stands in for those that are not there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer
from rich.table import Table

from headend.app.validating import validate as look
from headend.config import BadConfig
from headend.domain.validation import ValidatedDay
from headend.ports import StoreUnavailable
from headend.store.ledger_queries import validated
from headend.store.registry_queries import MeterFilter
from headend.store.retention_queries import VALIDATED_DAYS
from tools.collection.asking import (
    DAYS_MAX,
    LOAD_PROFILE,
    InPlace,
    OfConcentrator,
    OfMeter,
    Profile,
    Question,
    day_named,
)
from tools.database.opening import ADVICE, configured
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import err, out, print_json, show, wrong_usage

BACK_MAX = 36_500


def validate(
    days: Annotated[
        int, typer.Option(min=1, max=BACK_MAX, help="Up to so many days ago, and today.")
    ] = 40,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Look at all days whose rows are newer than the last look at them: late and corrected rows
    as well.  The rows stay as they are; what is found is kept beside them.

    Example: [bold]ami collection validate --database ami.db[/]
    """
    try:
        settings = configured(config, database)
        with err.status("looking at days") if err.is_terminal else err.capture():
            looks = asyncio.run(look(settings, days))
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if json:
        print_json({"looks": looks})
    else:
        out.print(f"{looks:,} looks at a day")


def findings(
    day: Annotated[
        str | None, typer.Option(help="The last day, like 2026-07-06 [yesterday].")
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=DAYS_MAX, help="So many days, up to that one.")
    ] = 7,
    concentrator: OfConcentrator = None,
    place: InPlace = None,
    meter: OfMeter = None,
    profile: Profile = LOAD_PROFILE,
    estimates: Annotated[
        bool, typer.Option("--estimates", help="What stands in for missing values as well.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many days of meters.")] = 100,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """What validation found odd, by meter and time, and how much it estimated.

    Checks: spike, negative, clock, duplicate, register (a register that was read apart contradicts
    the profile).

    Example: [bold]ami collection findings --day 2026-07-06 --meter 90000001 --estimates[/]
    """
    last = None if day is None else day_named(day, "--day")
    which = MeterFilter(concentrator, place, meter=meter)
    question = Question.of(config, database, last, days, which, profile)
    found = question.put(
        lambda connection: list(islice(validated(connection, question.wanted), limit + 1))
    )
    more, found = len(found) > limit, found[:limit]
    since = question.gone(VALIDATED_DAYS)
    if json:
        items = [_told(each, estimates) for each in found]
        print_json({"items": items, "more": more, "kept_since": since})
        return
    table = Table("meter", "at", "channel", "what", "", box=None)
    for each in found:
        for odd in each.findings:
            table.add_row(each.meter, question.local(odd.at), odd.channel, odd.check, odd.text)
        if estimates:
            for made in each.estimates:
                what = f"estimate, {made.method}"
                at = question.local(made.at)
                table.add_row(each.meter, at, made.channel, what, str(made.value))
        elif each.estimates:
            text = f"{len(each.estimates)} values"
            table.add_row(each.meter, each.day.isoformat(), "", "estimates", text)
    if table.row_count:
        show(table)
    else:
        out.print("nothing odd, and nothing estimated")
    if more:
        out.print(f"and more: --limit {limit * 10}")


def _told(day: ValidatedDay, estimates: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "meter": day.meter,
        "profile": day.profile,
        "day": day.day,
        "checked_at": day.checked_at,
        "findings": [
            {"at": _moment(each.at), "check": each.check, "channel": each.channel,
             "text": each.text}
            for each in day.findings
        ],
        "estimated": len(day.estimates),
    }  # fmt: skip
    if estimates:
        told["estimates"] = [
            {"at": _moment(each.at), "channel": each.channel, "value": each.value,
             "method": each.method}
            for each in day.estimates
        ]  # fmt: skip
    return told


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
