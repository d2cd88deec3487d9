"""`ami sim list` and `ami sim run`: the stories, and one of them played."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from scenarios import stories
from scenarios.junit import of_run
from scenarios.report.words import Language
from scenarios.schema import BadScenario
from scenarios.story import Story
from scenarios.summary import Summary, played
from tools.capture.capturing import CaptureFile, recording
from tools.options import Json
from tools.sim import progress_told
from tools.sim.command import (
    File,
    Junit,
    Seed,
    Told,
    Verbose,
    app,
    cannot_be_played,
    expects_something,
    find,
    has_a_directory,
    make_room,
    mind_the_log,
)
from tools.sim.told import as_json, outline, tell
from tools.terminal import err, out, print_json


@app.command("list")
def list_(json: Json = False) -> None:
    """The stories of the library.

    Example: [bold]ami sim list[/]
    """
    shelf = [(name, find(name)[1]) for name in stories.names()]
    if json:
        print_json([{"name": name, **outline(story)} for name, story in shelf])
        return
    width = max(len(name) for name, _ in shelf)
    for name, story in shelf:
        out.print(Text.assemble((f"{name:{width}}", "bold"), f"  {story.about}"))


@app.command()
def run(
    file: File,
    seed: Seed = None,
    log: Annotated[
        Path | None, typer.Option(help="Write the world's log to this file, as JSON lines.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the head-end's databases in this directory.")
    ] = None,
    capture: CaptureFile = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page with plots to this file, as HTML.")
    ] = None,
    lang: Annotated[Language, typer.Option(help="The report's language.")] = Language.EN,
    junit: Junit = None,
    verbose: Verbose = False,
    progress: Told = False,
    json: Json = False,
) -> None:
    """Play a story and hold it against what it expects.  Exit code 1 where it is otherwise.

    Example: [bold]ami sim run the-meter-is-silent --seed 7 --keep out --report silent.html[/]
    """
    name, scenario = find(file)
    expects_something(file, scenario)
    has_a_directory("--log", log)
    has_a_directory("--junit", junit)
    has_a_directory("--report", report)
    mind_the_log(verbose)
    if keep is not None:
        make_room(keep)
    try:
        with recording(capture, about=f"ami sim run {name}") as recorder:
            summary = played(
                name,
                scenario,
                seed=seed,
                keep=keep,
                log=log,
                recorder=recorder,
                passed=progress_told.of_story(scenario) if progress else None,
                look=_look(report, lang),
            )
    except BadScenario as error:
        cannot_be_played(file, error)
    if junit is not None:
        junit.write_bytes(of_run(summary, file))
    if json:
        print_json(as_json(summary))
    else:
        tell(summary, scenario)
        if keep is not None and summary.orders.total:
            database = shlex.quote(str(keep / "ami.db"))
            err.print(f"Look closer: ami explain order 1 --database {database}", markup=False)
    if summary.failures:
        raise typer.Exit(1)


def _look(report: Path | None, language: Language) -> Callable[[Story, Summary], None]:
    """What is to be seen of the world before it is gone."""

    def write(story: Story, summary: Summary) -> None:
        from scenarios.report.page import page  # the plots' library: 0.3 s of start-up

        if report is not None:
            report.write_text(page(story, summary, language=language), "utf-8")

    return write if report is not None else lambda story, summary: None
