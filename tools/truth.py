"""What really happened in a simulation, beside what the head-end heard: the world's log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text
from rich.tree import Tree

from scenarios.fault_spec import SURROUNDINGS
from tools.terminal import clock_text, wrong_usage

TruthLog = Annotated[
    Path | None,
    typer.Option(
        "--truth", metavar="LOG", help="A simulation's log: what really happened, beside it."
    ),
]
FAULTS = ("fault", "fault-over")
ITSELF = ("modem", "concentrator-boot", "concentrator-down")


def happened(log: Path | None, name: str, *related: str | None) -> list[dict[str, Any]]:
    """The faults that hit a device, those related to it and what the head-end leans on, and what
    the device did by itself; none without a log."""
    if log is None:
        return []
    try:
        lines = [msgspec.json.decode(line) for line in log.read_bytes().splitlines()]
    except (OSError, msgspec.DecodeError) as error:
        wrong_usage(f"--truth {log}: {error}", "Make one: ami sim run FILE --log FILE.jsonl")
    hit = {name, *related, *SURROUNDINGS.values()}
    return [
        line
        for line in lines
        if (line["kind"] in FAULTS and line["target"] in hit)
        or (line["kind"] == "meter" and line["meter"] == name)
        or (line["kind"] in ITSELF and (line.get("concentrator") or line["meter"]) == name)
    ]


def add_truth(tree: Tree, lines: list[dict[str, Any]], most: int | None = None) -> None:
    """What happened, for people; `most` of it."""
    if not lines:
        return
    branch = tree.add(Text("what really happened (simulation)", "magenta"))
    for line in lines[:most]:
        branch.add(Text(_spelled(line)))
    if most is not None and len(lines) > most:
        branch.add(Text(f"… {len(lines) - most} more: --all", "dim"))


def _spelled(line: dict[str, Any]) -> str:
    at = clock_text(datetime.fromtimestamp(line["at"] / 1e6, UTC))
    match line["kind"]:
        case "meter":
            return f"{at}  it did: {line['deed']} {line['detail']}".rstrip()
        case "modem":
            return f"{at}  its modem: {line['before']} → {line['after']}".lower()
        case "concentrator-boot":
            return f"{at}  it starts"
        case "concentrator-down":
            return f"{at}  it stops"
    begun = "begins" if line["kind"] == "fault" else "is over"
    return f"{at}  {line['fault']} at {line['target']} {begun}"
