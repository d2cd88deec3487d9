"""What the verbs of `ami sim` share: the story's file, its seeds, a bar, and the head-end's log."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scenarios import stories
from scenarios.schema import BadScenario, Scenario
from tools.terminal import err, failed, log_nothing, log_to_stderr, wrong_usage

app = typer.Typer(
    help="Stories on the simulated clock: list, run, sequence, sweep, diff and more.",
    no_args_is_help=True,
)

PROCESSORS = os.cpu_count() or 1

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A scenario file, or the name of a library story.")
]
Seed = Annotated[int | None, typer.Option(help="In place of the file's own.")]
Jobs = Annotated[
    int, typer.Option(min=1, help="Processes at a time; as many as there are processors.")
]
Told = Annotated[
    bool, typer.Option("--progress", help="Tell on stderr how far it is, as lines of JSON.")
]
Verbose = Annotated[bool, typer.Option(help="Show the head-end's log on stderr.")]
Junit = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", help="Write JUnit XML, for Jenkins and GitLab."),
]


def find(file: str) -> tuple[str, Scenario]:
    """A story and its name; the command ends where there is none."""
    try:
        return stories.find(file)
    except BadScenario as error:
        wrong_usage(str(error), None if Path(file).is_file() else "See the stories: ami sim list")


def cannot_be_played(file: str, error: BadScenario) -> NoReturn:
    """Ends the command, with what is wrong and what to do."""
    wrong_usage(f"{file}: {error}", error.advice, code=error.code)


def expects_something(file: str, scenario: Scenario) -> None:
    """Ends the command for a story that could not fail."""
    # What chance adds is held to what must always hold.
    if scenario.expect.nothing and scenario.scatter is None:
        wrong_usage(
            f"{file}: the story expects nothing, so it would pass whatever happened",
            "Say under [expect] what must be true at the end, such as: done = 1",
        )


def seeds_of(text: str) -> range:
    """The seeds of `--seeds A-B`."""
    match = re.fullmatch(r"(\d+)-(\d+)", text)
    if match is None or int(match[1]) > int(match[2]):
        wrong_usage(f"--seeds takes the first and the last seed, like 1-200, not {text!r}")
    return range(int(match[1]), int(match[2]) + 1)


def make_room(directory: Path) -> None:
    """The directory of `--keep`, made and empty."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        failed(f"{directory} is not empty", "A run begins with nothing stored: name a new one.")


def has_a_directory(option: str, file: Path | None) -> None:
    """Ends the command before a long run whose result has nowhere to go."""
    if file is not None and not file.parent.is_dir():
        wrong_usage(f"{option} {file}: there is no directory {file.parent}")


def mind_the_log(verbose: bool) -> None:
    """Let the head-end speak, or keep it quiet."""
    if verbose:
        log_to_stderr(verbose=True)
    else:
        log_nothing()


def progress_bar(name: str, ending: str) -> Progress:
    """A bar on stderr, only on a terminal; `ending` names the field that stands behind it."""
    return Progress(
        TextColumn(name),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{{task.fields[{ending}]}} {ending}"),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
