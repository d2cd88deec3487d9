"""`ami sim shrink`: the smallest story that still fails as this one does."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from scenarios import stories
from scenarios.schema import BadScenario
from scenarios.shrink import TRIES_MAX, DoesNotFail, shrink
from tools.options import Json
from tools.sim.command import (
    File,
    Seed,
    app,
    cannot_be_played,
    find,
    has_a_directory,
)
from tools.terminal import err, failed, log_nothing, out, print_json


@app.command("shrink")
def shrink_(
    file: File,
    seed: Seed = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Where to write it; left out: stdout."),
    ] = None,
    tries: Annotated[int, typer.Option(min=1, help="How many runs at most.")] = TRIES_MAX,
    json: Json = False,
) -> None:
    """Make a failing story smaller for as long as it fails in the same way, and write that.

    Exit code 1 where the story does not fail.

    Example: [bold]ami sim shrink mine.toml --seed 17 --output small.toml[/]
    """
    find(file)
    has_a_directory("--output", output)
    log_nothing()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[number]} runs; {task.fields[what]}"),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    ) as progress:
        bar = progress.add_task("", total=None, number=0, what="as it is")
        try:
            shrunk = shrink(
                stories.path_of(file).read_text(encoding="utf-8"),
                seed=seed,
                tries_max=tries,
                tried=lambda number, what: progress.update(bar, number=number, what=what),
            )
        except BadScenario as error:
            cannot_be_played(file, error)
        except DoesNotFail:
            failed(f"{file} does not fail", f"Look for a seed: ami sim sweep {shlex.quote(file)}")
    if output is not None:
        output.write_text(shrunk.text, encoding="utf-8")
    if json:
        print_json(
            {
                "fails": shrunk.failing.name,
                "tries": shrunk.tries,
                "complete": shrunk.complete,
                "text": shrunk.text,
            }
        )
    elif output is None:
        out.print(shrunk.text, end="", markup=False)
    told = "nothing more can go" if shrunk.complete else "the tries ran out"
    err.print(f"{shrunk.tries} runs, {told}; still fails: {shrunk.failing.name}", markup=False)
    if output is not None:
        err.print(f"Repeat it: ami sim run {shlex.quote(str(output))}", markup=False)
