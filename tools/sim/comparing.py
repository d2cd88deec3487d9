"""`ami sim diff`: where two runs part."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from scenarios import stories
from scenarios.engine import run
from scenarios.parting import Parting, part
from scenarios.schema import BadScenario
from tools.options import Json
from tools.sim.command import app, cannot_be_played, find
from tools.terminal import log_nothing, out, print_json, show, wrong_usage

Side = Annotated[str, typer.Argument(help="A log of ami sim run --log, a file, or a story.")]


@app.command()
def diff(
    left: Side,
    right: Annotated[
        str | None, typer.Argument(help="The other one; left out: the same file again.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(metavar="A,B", help="The seed of each side.")] = None,
    json: Json = False,
) -> None:
    """Where two runs part: the first event that differs, and the orders that ended otherwise.

    Exit code 1 where they do.

    Example: [bold]ami sim diff the-meter-is-silent --seeds 1,2[/]
    """
    log_nothing()
    chosen = _seeds(seeds)
    parting = part(_lines(left, chosen[0]), _lines(right or left, chosen[1]))
    if json:
        print_json(msgspec.to_builtins(parting))
    else:
        _tell(parting)
    if not parting.same:
        raise typer.Exit(1)


def _seeds(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    one, comma, other = text.partition(",")
    if not (comma and one.isdigit() and other.isdigit()):
        wrong_usage(f"--seeds takes two seeds, like 1,2, not {text!r}")
    return int(one), int(other)


def _lines(side: str, seed: int | None) -> list[bytes]:
    path = Path(side)
    if path.is_file() and path.suffix != ".toml":
        lines = path.read_bytes().splitlines()
        try:
            if lines and {"at", "kind"} <= msgspec.json.decode(lines[0]).keys():
                return lines
        except (msgspec.DecodeError, AttributeError):
            pass
        wrong_usage(f"{side} is no log of a run", "Make one: ami sim run FILE --log FILE.jsonl")
    _, scenario = find(str(stories.path_of(side)) if path.is_file() else side)
    try:
        return run(scenario, seed=seed).world.log.lines
    except BadScenario as error:
        cannot_be_played(side, error)


def _tell(parting: Parting) -> None:
    if parting.same:
        out.print(Text("The runs are the same, line by line.", "green"))
        return
    out.print(Text(f"They part at line {parting.line} of the log:", "bold"))
    for mark, style, lines in (
        (" ", "dim", parting.before),
        ("<", "red", parting.left),
        (">", "green", parting.right),
    ):
        for line in lines:
            out.print(Text(f"  {mark} {_spelled(line)}", style))
    for title, rows in (
        ("orders that ended otherwise", parting.outcomes),
        ("lines", parting.kinds),
    ):
        if rows:
            out.print()
            table = Table(title, "<", ">", box=None, pad_edge=False)
            for key, (one, other) in rows.items():
                table.add_row(str(key), Text(str(one)), Text(str(other)))
            show(table)


def _spelled(line: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(line["at"] / 1e6, UTC)
    rest = ", ".join(f"{k} {v}" for k, v in line.items() if k not in ("at", "kind"))
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {line['kind']}: {rest}"
