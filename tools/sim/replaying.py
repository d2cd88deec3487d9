"""`ami sim replay`: what happened, played again with another policy."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from headend import config as configuration
from headend.config import BadConfig
from scenarios.recorded import recorded
from scenarios.replay import Ended, Replay, replay
from scenarios.replayable import NothingToReplay, Replayable, replayable
from scenarios.schema import BadScenario
from scenarios.story import Story
from scenarios.summary import summarise
from scenarios.whatif import Variant, variants
from tools.database.opening import reading
from tools.options import Json
from tools.sim import progress_told
from tools.sim.command import Told, app, cannot_be_played, has_a_directory
from tools.sim.whatif import choice
from tools.terminal import err, failed, log_nothing, out, print_json, show, wrong_usage


@app.command("replay")
def replay_(
    database: Annotated[
        str, typer.Argument(metavar="DATABASE", help="A head-end's database; it is only read.")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Like retries=2; may be repeated."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="The head-end's configuration; left out: what its orders show of it."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The utility's; left out: the configuration's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what nobody recorded.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write the scenario, to run and sweep."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page with plots of the last run, as HTML.")
    ] = None,
    progress: Told = False,
    json: Json = False,
) -> None:
    """Play a head-end's orders again, in a field with the faults that its evidence suggests: with
    the policy it had, and with another.

    Example: [bold]ami sim replay ami.db --set retries=2 --output then.toml[/]
    """
    has_a_directory("--output", output)
    has_a_directory("--report", report)
    log_nothing()
    try:
        chosen = _settings(set_ or [])
        with reading(database) as reader:
            kept = reader.read(recorded)
        settings = None if config is None else configuration.read(config)
        what = replayable(kept, config=settings, timezone=timezone, seed=seed)
        if output is not None:
            output.write_text(what.text, encoding="utf-8")
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=err,
            disable=not err.is_terminal,
            transient=True,
        ) as line:
            bar = line.add_task("", total=None)

            def stage(name: str) -> None:
                line.update(bar, description=name)
                if progress:
                    progress_told.of_stage(name)

            found = replay(
                what,
                chosen,
                stage=stage,
                look=lambda story: _report(story, report),
            )
    except BadScenario as error:
        cannot_be_played(database, error)
    except BadConfig as error:
        wrong_usage(str(error))
    except NothingToReplay as error:
        failed(str(error), "See what it holds: ami order list --database FILE")
    if json:
        print_json(_as_json(found))
    else:
        _tell(found)
    if output is not None:
        err.print(f"Run it: ami sim run {shlex.quote(str(output))}", markup=False)


def _settings(told: list[str]) -> Variant:
    choices = [choice(each) for each in told]
    for key, values in choices:
        if len(values) != 1:
            wrong_usage(f"--set takes one value of {key}; many, and many seeds: ami sim whatif")
    return variants(choices)[0]


def _report(story: Story, file: Path | None) -> None:
    if file is not None:
        from scenarios.report.page import page  # the plots' library: 0.3 s of start-up

        file.write_text(page(story, summarise("replay", story)), "utf-8")


def _tell(found: Replay) -> None:
    changed = bool(found.settings)
    headings = ["order", "meter", "", "happened", "replayed"] + (["changed"] if changed else [])
    table = Table(*headings, box=None, pad_edge=False)
    for each in found.compared:
        ends = [each.again] + ([each.changed] if changed else [])
        table.add_row(
            str(each.number),
            Text(each.meter),
            each.kind,
            _spelled(each.happened, None),
            *(_spelled(end, each.happened) for end in ends),
        )
    show(table)
    out.print()
    _tell_inferred(found.replayable)
    out.print(Text(found.sentence, "bold"))


def _spelled(end: Ended | None, against: Ended | None) -> Text:
    if end is None:
        return Text("no such order", "yellow")
    tries = "" if end.attempts == 1 else f" ({end.attempts} attempts)"
    same = against is None or against.outcome == end.outcome
    return Text(f"{end.outcome}{tries}", "" if same else "yellow")


def _tell_inferred(what: Replayable) -> None:
    table = Table("inferred", "at", "until", "because", box=None, pad_edge=False)
    for fault in what.faults:
        until = "?" if fault.until is None else f"{fault.until:%H:%M:%S}"
        row = (f"{fault.kind} {fault.target}", f"{fault.at:%m-%d %H:%M:%S}", until, fault.why)
        table.add_row(*map(Text, row))
    if what.faults:
        show(table)
        out.print()
    for note in what.notes:
        err.print(note, markup=False, soft_wrap=True)


def _as_json(found: Replay) -> dict[str, Any]:
    what = found.replayable
    return {
        "settings": found.settings,
        "orders": msgspec.to_builtins(found.compared),
        "agreeing": found.agreeing,
        "inferred": msgspec.to_builtins(what.faults),
        "cast": {**what.cast.concentrators, **what.cast.meters},
        "notes": list(what.notes),
        "sentence": found.sentence,
    }
