"""`ami sim`: play a story on the simulated clock, or sweep it over many seeds."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from devices.clock import stopwatch
from scenarios import stories
from scenarios.schema import BadScenario, Scenario
from scenarios.summary import Finding, Summary, played
from scenarios.sweep import Run, Swept
from scenarios.sweep import sweep as sweep_
from tools.capturing import CaptureFile, recording
from tools.terminal import (
    err,
    failed,
    log_nothing,
    log_to_stderr,
    out,
    print_json,
    show,
    wrong_usage,
)

app = typer.Typer(help="Stories on the simulated clock: list, run, sweep.", no_args_is_help=True)

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A scenario file, or the name of a library story.")
]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """The stories of the library.

    Example: [bold]ami sim list[/]
    """
    shelf = [(name, _find(name)[1].about) for name in stories.names()]
    if json:
        print_json([{"name": name, "about": about} for name, about in shelf])
        return
    width = max(len(name) for name, _ in shelf)
    for name, about in shelf:
        out.print(Text.assemble((f"{name:{width}}", "bold"), f"  {about}"))


@app.command()
def run(
    file: File,
    seed: Annotated[int | None, typer.Option(help="In place of the file's own.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="Write the world's log to this file, as JSON lines.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the head-end's databases in this directory.")
    ] = None,
    capture: CaptureFile = None,
    verbose: Annotated[bool, typer.Option(help="Show the head-end's log on stderr.")] = False,
    json: Json = False,
) -> None:
    """Play a story and hold it against what it expects.  Exit code 1 where it is otherwise.

    Example: [bold]ami sim run the-meter-is-silent --seed 7 --keep out[/]
    """
    name, scenario = _find(file)
    _expects_something(file, scenario)
    if log is not None and not log.parent.is_dir():
        wrong_usage(f"--log {log}: there is no directory {log.parent}")
    _mind_the_log(verbose)
    if keep is not None:
        _make_room(keep)
    try:
        with recording(capture, about=f"ami sim run {name}") as recorder:
            summary = played(name, scenario, seed=seed, keep=keep, log=log, recorder=recorder)
    except BadScenario as error:
        wrong_usage(f"{file}: {error}")
    if json:
        print_json(_as_json(summary))
    else:
        _tell(summary, scenario)
        if keep is not None and summary.orders.total:
            database = shlex.quote(str(keep / "ami.db"))
            err.print(f"Look closer: ami explain order 1 --database {database}", markup=False)
    if summary.failures:
        raise typer.Exit(1)


@app.command()
def sweep(
    file: File,
    seeds: Annotated[str, typer.Option(metavar="A-B", help="The first and the last seed.")],
    jobs: Annotated[
        int, typer.Option(min=1, help="Processes at a time; as many as there are processors.")
    ] = os.cpu_count() or 1,
    invariants_only: Annotated[
        bool, typer.Option(help="Hold against the seeds only what must always hold.")
    ] = False,
    verbose: Annotated[bool, typer.Option(help="Show the head-end's log on stderr.")] = False,
    json: Json = False,
) -> None:
    """Play a story under many seeds.  Each failure names the command that repeats it.

    Example: [bold]ami sim sweep retries-overcome-heavy-packet-loss --seeds 1-200 --jobs 4[/]
    """
    name, scenario = _find(file)
    if not invariants_only:
        _expects_something(file, scenario)
    wanted = _seeds(seeds)
    elapsed_s = stopwatch()
    with _progress(name, len(wanted)) as progress:
        bar = progress.add_task("", total=len(wanted), missed=0)

        def ended(run: Run) -> None:
            missed = 0 if run.ok else 1
            already = progress.tasks[0].fields["missed"]
            progress.update(bar, advance=1, missed=already + missed)

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
            wrong_usage(f"{file}: {error}")
    if json:
        print_json(_swept_as_json(file, swept, elapsed_s()))
    else:
        _tell_swept(file, swept, elapsed_s())
    if swept.failures:
        raise typer.Exit(1)


# --- words ---------------------------------------------------------------------------------------


def _tell(summary: Summary, scenario: Scenario) -> None:
    orders = summary.orders
    head = Text.assemble((summary.scenario, "bold"), f"  seed {summary.seed}")
    out.print(Group(head, Text(scenario.about, "italic")))
    out.print()
    out.print(Text(f"{_counted(orders.total, 'order')}: {_ends(summary)}"))
    out.print()
    table = Table("", "expected of this story", "found", "wanted", box=None, pad_edge=False)
    for finding in summary.expect:
        if not finding.always:
            table.add_row(
                _mark(finding.ok),
                finding.name,
                Text(_plain(finding.value)),
                Text("" if finding.ok else _plain(finding.expected)),
            )
    show(table)
    out.print()
    table = Table("", "true in every story", "", box=None, pad_edge=False)
    for finding in summary.expect:
        if finding.always:
            offenders = "" if finding.ok else "\n".join(map(str, finding.value))
            table.add_row(_mark(finding.ok), finding.name, Text(offenders))
    show(table)
    out.print()
    out.print(
        Text(
            f"{_duration(summary.simulated_s)} of the field in {summary.wall_s:.2f} s;"
            f" log sha256 {summary.log_sha256}",
            "dim",
        )
    )


def _ends(summary: Summary) -> str:
    orders = summary.orders
    parts = [f"{orders.done} done"] if orders.done else []
    parts += [f"{count} {reason}" for reason, count in orders.failed.items()]
    parts += [f"{orders.open} still open"] if orders.open else []
    return ", ".join(parts) or "none"


def _tell_swept(file: str, swept: Swept, wall_s: float) -> None:
    runs = len(swept.runs)
    out.print(
        Text(f"{_counted(runs, 'run')} in {wall_s:.0f} s, {_counted(swept.orders, 'order')}:")
    )
    table = Table("orders", "ended as", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    for outcome, count in swept.outcomes.items():
        table.add_row(str(count), outcome)
    show(table)
    out.print()
    if not swept.failures:
        out.print(Text("Every run was as it must be.", "green"))
        return
    out.print(Text(f"{_counted(len(swept.failures), 'run')} failed:", "bold red"))
    for run in swept.failures:
        out.print(Text(f"  {_again(file, run.seed)}", "bold"))
        for finding in run.failures:
            out.print(Text(f"      {finding.name}: {_found(finding)}"))
        if run.error:
            out.print(Text(f"      {run.error.strip().splitlines()[-1]}"))


def _found(finding: Finding) -> str:
    if finding.always:
        return "; ".join(map(str, finding.value))
    return f"{_plain(finding.value)}, not {_plain(finding.expected)}"


def _again(file: str, seed: int) -> str:
    return f"ami sim run {shlex.quote(file)} --seed {seed}"


def _mark(ok: bool) -> Text:
    return Text("✓", "green") if ok else Text("✗", "bold red")


def _plain(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) or "none"
        case list() | tuple():
            return ", ".join(map(_plain, value)) or "none"
        case float():
            return f"{value:g}"
    return str(value)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _duration(total_s: float) -> str:
    hours, rest = divmod(round(total_s), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


# --- values --------------------------------------------------------------------------------------


def _as_json(summary: Summary) -> dict[str, Any]:
    return dict(msgspec.to_builtins(summary))


def _swept_as_json(file: str, swept: Swept, wall_s: float) -> dict[str, Any]:
    return {
        "scenario": file,
        "runs": len(swept.runs),
        "orders": swept.orders,
        "outcomes": swept.outcomes,
        "failures": [
            {
                "seed": run.seed,
                "repeat": _again(file, run.seed),
                "expect": msgspec.to_builtins(run.failures),
                "error": run.error,
            }
            for run in swept.failures
        ],
        "wall_s": round(wall_s, 3),
    }


# --- beginnings ----------------------------------------------------------------------------------


def _find(file: str) -> tuple[str, Scenario]:
    try:
        return stories.find(file)
    except BadScenario as error:
        wrong_usage(str(error), None if Path(file).is_file() else "See the stories: ami sim list")


def _expects_something(file: str, scenario: Scenario) -> None:
    # What chance adds is held to what must always hold.
    if scenario.expect.nothing and scenario.scatter is None:
        wrong_usage(
            f"{file}: the story expects nothing, so it would pass whatever happened",
            "Say under [expect] what must be true at the end, such as: done = 1",
        )


def _seeds(text: str) -> range:
    match = re.fullmatch(r"(\d+)-(\d+)", text)
    if match is None or int(match[1]) > int(match[2]):
        wrong_usage(f"--seeds takes the first and the last seed, like 1-200, not {text!r}")
    return range(int(match[1]), int(match[2]) + 1)


def _make_room(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        failed(f"{directory} is not empty", "A run begins with nothing stored: name a new one.")


def _mind_the_log(verbose: bool) -> None:
    if verbose:
        log_to_stderr(verbose=True)
    else:
        log_nothing()


def _progress(name: str, total: int) -> Progress:
    return Progress(
        TextColumn(name),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[missed]} failed"),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
