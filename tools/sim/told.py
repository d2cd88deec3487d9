"""A run and a sweep, in words for people and in values for machines."""

from __future__ import annotations

import shlex
from typing import Any

import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from scenarios.schema import Scenario, seconds
from scenarios.summary import Summary, plain
from scenarios.sweep import Swept
from tools.terminal import out, show


def tell(summary: Summary, scenario: Scenario) -> None:
    orders = summary.orders
    head = Text.assemble((summary.scenario, "bold"), f"  seed {summary.seed}")
    out.print(Group(head, Text(scenario.about, "italic")))
    out.print()
    out.print(Text(f"{counted(orders.total, 'order')}: {_ends(summary)}"))
    out.print()
    table = Table("", "expected of this story", "found", "wanted", box=None, pad_edge=False)
    for finding in summary.expect:
        if not finding.always:
            table.add_row(
                mark(finding.ok),
                finding.name,
                Text(plain(finding.value)),
                Text("" if finding.ok else plain(finding.expected)),
            )
    show(table)
    out.print()
    table = Table("", "true in every story", "", box=None, pad_edge=False)
    for finding in summary.expect:
        if finding.always:
            offenders = "" if finding.ok else "\n".join(map(str, finding.value))
            table.add_row(mark(finding.ok), finding.name, Text(offenders))
    show(table)
    out.print()
    out.print(
        Text(
            f"{duration(summary.simulated_s)} of the field in {summary.wall_s:.2f} s;"
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


def tell_swept(file: str, swept: Swept, wall_s: float) -> None:
    runs = len(swept.runs)
    out.print(Text(f"{counted(runs, 'run')} in {wall_s:.0f} s, {counted(swept.orders, 'order')}:"))
    table = Table("orders", "ended as", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    for outcome, count in swept.outcomes.items():
        table.add_row(str(count), outcome)
    show(table)
    out.print()
    if not swept.failures:
        out.print(Text("Every run was as it must be.", "green"))
        return
    out.print(Text(f"{counted(len(swept.failures), 'run')} failed:", "bold red"))
    for run in swept.failures:
        out.print(Text(f"  {again(file, run.seed)}", "bold"))
        for finding in run.failures:
            out.print(Text(f"      {finding.name}: {finding.found}"))
        if run.error:
            out.print(Text(f"      {run.error.strip().splitlines()[-1]}"))


def again(file: str, seed: int) -> str:
    return f"ami sim run {shlex.quote(file)} --seed {seed}"


def mark(ok: bool) -> Text:
    return Text("✓", "green") if ok else Text("✗", "bold red")


def counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def duration(total_s: float) -> str:
    hours, rest = divmod(round(total_s), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


# --- values --------------------------------------------------------------------------------------


def as_json(summary: Summary) -> dict[str, Any]:
    return dict(msgspec.to_builtins(summary))


def outline(story: Scenario) -> dict[str, Any]:
    """What a story is, without playing it: only what its file says."""
    expected = msgspec.to_builtins(story.expect)
    if story.expect.completeness is None:
        expected.pop("completeness_lag")  # says how completeness is meant, and nothing without
    return {
        "about": story.about,
        "seed": story.seed,
        "start": story.start_utc,
        "duration_s": seconds(story.duration),
        "meters": story.field.meters,
        "concentrators": story.field.concentrators,
        "orders": len(story.order),
        "faults": [
            {
                "kind": fault.kind,
                "target": fault.target,
                "at_s": seconds(fault.at),
                "until_s": None if fault.until is None else seconds(fault.until),
            }
            for fault in story.fault
        ],
        "expect": {name: plain(value) for name, value in expected.items() if value is not None},
    }


def swept_as_json(file: str, swept: Swept, wall_s: float) -> dict[str, Any]:
    return {
        "scenario": file,
        "runs": len(swept.runs),
        "orders": swept.orders,
        "outcomes": swept.outcomes,
        "failures": [
            {
                "seed": run.seed,
                "repeat": again(file, run.seed),
                "expect": msgspec.to_builtins(run.failures),
                "error": run.error,
            }
            for run in swept.failures
        ],
        "wall_s": round(wall_s, 3),
    }
