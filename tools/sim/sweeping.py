"""`ami sim sweep`: one story under many seeds."""

from __future__ import annotations

from typing import Annotated

import typer

from devices.clock import stopwatch
from scenarios import stories
from scenarios.junit import of_sweep
from scenarios.schema import BadScenario
from scenarios.sweep import Run
from scenarios.sweep import sweep as sweep_
from tools.options import Json
from tools.sim import progress_told
from tools.sim.command import (
    PROCESSORS,
    File,
    Jobs,
    Junit,
    Told,
    Verbose,
    app,
    cannot_be_played,
    expects_something,
    find,
    has_a_directory,
    progress_bar,
    seeds_of,
)
from tools.sim.told import swept_as_json, tell_swept
from tools.terminal import log_nothing, log_to_stderr, print_json


@app.command()
def sweep(
    file: File,
    seeds: Annotated[str, typer.Option(metavar="A-B", help="The first and the last seed.")],
    jobs: Jobs = PROCESSORS,
    invariants_only: Annotated[
        bool, typer.Option(help="Hold against the seeds only what must always hold.")
    ] = False,
    junit: Junit = None,
    verbose: Verbose = False,
    progress: Told = False,
    json: Json = False,
) -> None:
    """Play a story under many seeds.  Each failure names the command that repeats it.

    Example: [bold]ami sim sweep retries-overcome-heavy-packet-loss --seeds 1-200 --jobs 4[/]
    """
    name, scenario = find(file)
    if not invariants_only:
        expects_something(file, scenario)
    wanted = seeds_of(seeds)
    has_a_directory("--junit", junit)
    elapsed_s = stopwatch()
    with progress_bar(name, "failed") as line:
        bar = line.add_task("", total=len(wanted), failed=0)

        def ended(run: Run) -> None:
            missed = 0 if run.ok else 1
            failed = line.tasks[0].fields["failed"] + missed
            line.update(bar, advance=1, failed=failed)
            if progress:
                done = round(line.tasks[0].completed)
                progress_told.of_sweep(run.seed, done=done, of=len(wanted), failed=failed)

        try:
            swept = sweep_(
                stories.path_of(file),
                wanted,
                jobs=jobs,
                invariants_only=invariants_only,
                prepare=log_to_stderr if verbose else log_nothing,
                ended=ended,
            )
        except BadScenario as error:
            cannot_be_played(file, error)
    if junit is not None:
        junit.write_bytes(of_sweep(name, swept, file))
    if json:
        print_json(swept_as_json(file, swept, elapsed_s()))
    else:
        tell_swept(file, swept, elapsed_s())
    if swept.failures:
        raise typer.Exit(1)
