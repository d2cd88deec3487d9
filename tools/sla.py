"""`ami sla`: the service levels that were promised, and how they stand."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.table import Table

from headend.app.service_levels import defined
from headend.clock import WallClock
from headend.config import BadConfig
from headend.domain.service_level import (
    By,
    LevelReport,
    Measured,
    ServiceLevels,
    Standing,
    reported,
)
from headend.service_levels.definition import BadDefinition, length_text, read
from headend.service_levels.page import WORDS, page, percent, wanted
from headend.store.service_level_queries import days_to_measure, measured, measured_days
from tools.collection.asking import DAYS_MAX, day_named
from tools.collection.drawing import bars
from tools.database.opening import configured, reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import err, failed, out, print_json, show, wrong_usage

app = typer.Typer(
    name="sla",
    help="Service levels: what was promised, and how it stands.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

MARK = {True: "[green]met[/]", False: "[bold red]missed[/]", None: "[dim]open[/]"}
Definition = Annotated[
    Path | None, typer.Option("--definition", help="Goals in a file (TOML) [configured, or ours].")
]


@app.command()
def report(
    day: Annotated[
        str | None, typer.Option(help="The last day, like 2026-07-06 [yesterday].")
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=DAYS_MAX, help="So many days, up to that one.")
    ] = 1,
    by: Annotated[By, typer.Option(help="The groups of each level.")] = By.CONCENTRATOR,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 where one is missed.")
    ] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the groups as well.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write it as a page, too.")] = None,
    definition: Definition = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Each goal, what was measured, whether it is met, and where it is worst.

    A head-end measures as it runs; days that it has not measured are measured here.

    Example: [bold]ami sla report --day 2026-07-06 --days 7 --by zone --plot[/]
    """
    last = None if day is None else day_named(day, "--day")
    try:
        settings = configured(config, database)
        levels = defined(settings) if definition is None else _read(definition)
        zone = ZoneInfo(settings.orders.zone)
    except BadConfig as error:
        wrong_usage(str(error))
    except (ZoneInfoNotFoundError, ValueError):
        wrong_usage(f"{settings.orders.zone!r} is no time zone")
    now = WallClock().now()
    last = last or now.astimezone(zone).date() - timedelta(days=1)
    first = last - timedelta(days=days - 1)

    def asked(connection: Any) -> list[Measured]:
        found: dict[date, list[Measured]] = defaultdict(list)
        for row in measured_days(connection, first, last, by):
            found[row.day].append(row)
        stale = list(days_to_measure(connection, levels, first, last, zone, now))
        for each in stale:
            rows = measured(connection, levels, each, zone, now)
            found[each] = [row for row in rows if row.by in (By.ALL, by)]
        return [row for rows in found.values() for row in rows]

    with reading(settings.database) as reader:
        rows = reader.read(asked)
    told = list(reported(levels, rows, by))
    if html is not None:
        _write(html, page(told, first, last, by))
    if json:
        print_json(_as_json(told, first, last, by))
    else:
        until = "" if first == last else f" to {last}"
        out.print(f"{first}{until}, {settings.orders.zone}", markup=False)
        show(_table(told, by))
        _apart(told)
        if plot:
            _plot(told)
    if strict and any(each.whole.met is False for each in told):
        raise typer.Exit(1)


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A definition [ours].")] = None,
    json: Json = False,
) -> None:
    """Whether a definition of service levels can be used, and what it says.

    Example: [bold]ami sla check service-levels.toml[/]
    """
    levels = _read(file)
    if json:
        print_json(
            {
                "silent_s": levels.silent_s,
                "goals": [
                    {
                        "name": goal.name,
                        "measures": goal.measures,
                        "about": goal.about,
                        "levels": [
                            {"share": float(level.share), "within_s": level.within_s}
                            for level in goal.levels
                        ],
                    }
                    for goal in levels.goals
                ],
            }
        )
        return
    table = Table("goal", "share", "within", "what", box=None)
    for goal in levels.goals:
        for level in goal.levels:
            table.add_row(
                goal.name, percent(float(level.share)), length_text(level.within_s), goal.about
            )
    show(table)
    out.print(f"a meter is silent after {length_text(levels.silent_s)}")


def _read(file: Path | None) -> ServiceLevels:
    try:
        return read(file)
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}", code="no-file")
    except BadDefinition as error:
        wrong_usage(
            f"{file}: {error}", "What there is: docs/service-levels.md", code="bad-definition"
        )


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        failed(f"{file}: {error.strerror}", code="no-file")
    err.print(f"written: {file}", style="dim")


# --- for people ---


def _table(told: list[LevelReport], by: By) -> Table:
    table = Table("goal", "wanted", "measured", "", "of", "open", f"worst {by}", box=None)
    for each in told:
        whole = each.whole
        table.add_row(
            whole.goal.name,
            wanted(whole),
            percent(whole.share),
            MARK[whole.met] if whole.count.items else "[dim]none[/]",
            f"{whole.count.judged:,}",
            f"{whole.open:,}",
            ", ".join(f"{worst.name or 'none'} {percent(worst.share)}" for worst in each.worst),
        )
    return table


def _apart(told: list[LevelReport]) -> None:
    silent = max((each.whole.count.silent for each in told), default=0)
    if silent:
        meters = "meter is" if silent == 1 else "meters are"
        out.print(f"{silent} {meters} silent for long, and counted in none of these")


def _plot(told: list[LevelReport]) -> None:
    for each in told:
        shown = [(one.name or "none", one.share) for one in each.groups if one.share is not None]
        if shown:
            out.print(f"\n[bold]{each.whole.goal.name}[/], {wanted(each.whole)}")
            show(bars(shown, "in time"))


# --- for machines ---


def _as_json(told: list[LevelReport], first: date, last: date, by: By) -> dict[str, Any]:
    return {
        "first": first,
        "last": last,
        "by": by,
        "levels": [
            {
                "goal": each.whole.goal.name,
                "measures": each.whole.goal.measures,
                "about": each.whole.goal.about,
                "within_s": each.whole.level.within_s,
                "wanted": float(each.whole.level.share),
                **_counts(each.whole),
                "groups": [{"name": one.name, **_counts(one)} for one in each.groups],
            }
            for each in told
        ],
    }


def _counts(one: Standing) -> dict[str, Any]:
    return {
        "measured": one.share,
        "result": WORDS[one.met],
        "items": one.count.items,
        "judged": one.count.judged,
        "met": one.count.met,
        "open": one.open,
        "apart": one.count.apart,
        "silent": one.count.silent,
    }
