"""`ami sim whatif`: one story with something in it varied, under many seeds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from scenarios import stories
from scenarios.report.words import Language
from scenarios.schema import BadScenario, seconds
from scenarios.whatif import Curve, Measure, explore, variants
from tools.options import Json
from tools.sim.command import (
    PROCESSORS,
    File,
    Jobs,
    app,
    cannot_be_played,
    find,
    has_a_directory,
    progress_bar,
    seeds_of,
)
from tools.terminal import log_nothing, out, print_json, show, wrong_usage


@app.command()
def whatif(
    file: File,
    vary: Annotated[
        list[str],
        typer.Option(metavar="KEY=VALUES", help="Like retries=1..5; may be repeated."),
    ],
    seeds: Annotated[
        str, typer.Option(metavar="A-B", help="The first and the last seed.")
    ] = "1-20",
    by: Annotated[
        str | None,
        typer.Option(help="Done by when: HH:MM of the first day, or a duration from the start."),
    ] = None,
    goal: Annotated[float, typer.Option(min=0, max=100, help="Per cent of them.")] = 98.0,
    of: Annotated[
        Measure | None,
        typer.Option(help="Left out: orders, or profiles where the story has no order."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the curves to this file, as a page of HTML.")
    ] = None,
    lang: Annotated[Language, typer.Option(help="The page's language.")] = Language.EN,
    jobs: Jobs = PROCESSORS,
    json: Json = False,
) -> None:
    """Vary a key of the story or a setting of the head-end, and see what share of the orders is
    done, or of the profiles received.

    Example: [bold]ami sim whatif a-bad-day --vary retries=1..5 --seeds 1-200 --by 12:00[/]
    """
    name, scenario = find(file)
    has_a_directory("--report", report)
    measure = of or (Measure.ORDERS if scenario.order or scenario.scatter else Measure.PROFILES)
    text = stories.path_of(file).read_text(encoding="utf-8")
    start = scenario.start.hour * 3600 + scenario.start.minute * 60 + scenario.start.second
    try:
        wanted = variants([choice(each) for each in vary])
        chosen = seeds_of(seeds)
        by_s = None if by is None else _moment(by, start)
        with progress_bar("runs", "ended") as progress:
            bar = progress.add_task("", total=len(wanted) * len(chosen), ended=0)
            curves = explore(
                tomllib.loads(text),
                wanted,
                chosen,
                by_s=by_s,
                goal=goal / 100,
                measure=measure,
                jobs=jobs,
                prepare=log_nothing,
                ended=lambda: progress.update(bar, advance=1),
            )
    except BadScenario as error:
        cannot_be_played(file, error)
    if report is not None:
        from scenarios.report.curves import page  # the plots' library: 0.3 s of start-up

        report.write_text(page(name, scenario, curves, measure, language=lang), "utf-8")
    if json:
        print_json([_as_json(each) for each in curves])
    else:
        _tell(curves, measure, by or scenario.duration, goal)


VALUES_MAX = 1000
"""Of one key: each value is a run for each seed."""


def choice(text: str) -> tuple[str, list[Any]]:
    """A key and its values: 1..5, 0.1,0.2, or words."""
    key, equals, values = text.partition("=")
    if not (key and equals and values):
        wrong_usage(f"--vary takes a key and its values, like retries=1..5, not {text!r}")
    if (match := re.fullmatch(r"(-?\d+)\.\.(-?\d+)", values)) is not None:
        low, high = int(match[1]), int(match[2])
        if not low <= high < low + VALUES_MAX:
            wrong_usage(f"--vary {text}: a range goes up, over {VALUES_MAX} values at most")
        return key, [*range(low, high + 1)]
    return key, [_value(each) for each in values.split(",")]


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _moment(text: str, start_s: int) -> float:
    """Seconds from the story's start."""
    match = re.fullmatch(r"(\d{1,2}):(\d\d)", text)
    if match is None:
        return seconds(text)
    return float((int(match[1]) * 3600 + int(match[2]) * 60 - start_s) % 86_400)


def _tell(curves: list[Curve], measure: Measure, by: str, goal: float) -> None:
    headings = ("", f"{measure} by {by}", "median", f"seeds with {goal:g} %", "runs")
    table = Table(*headings, box=None, pad_edge=False)
    for each in curves:
        low, middle, high = each.by
        table.add_row(
            Text(each.variant.name),
            f"{low:.1%}–{high:.1%}",
            f"{middle:.1%}",
            f"{each.reached:.0%}",
            str(each.runs),
        )
    show(table)
    out.print(Text("Ranges are from the 5th to the 95th percentile of the seeds.", "dim"))


def _as_json(each: Curve) -> dict[str, Any]:
    return {"settings": dict(each.variant.settings), **msgspec.to_builtins(each)}
