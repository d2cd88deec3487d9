"""`ami cim conformance`: each rule of the CIM interface, and the tests that hold it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from tools.conformance.rules import Area, Rule, areas
from tools.conformance.running import Ended, NotRun, run
from tools.options import Json
from tools.terminal import err, failed, out, print_json, wrong_usage


def conformance(
    area: Annotated[
        list[str] | None, typer.Argument(metavar="[AREA]...", help="Only these [all].")
    ] = None,
    run_: Annotated[
        bool, typer.Option("--run", help="Run the tests as well (from the sources; minutes).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Each rule of the CIM interface, where it is from, and the tests that hold it.

    With --run the exit code is 1 where a rule does not hold.

    Example: [bold]ami cim conformance envelope --run[/]
    """
    known = {each.name: each for each in areas()}
    if unknown := [each for each in area or () if each not in known]:
        wrong_usage(f"no area {unknown[0]!r}", f"There are: {', '.join(known)}.")
    chosen = [each for each in known.values() if not area or each.name in area]
    found: dict[str, Ended] | None = None
    if run_:
        tests = [test for each in chosen for rule in each.rules for test in rule.tests]
        try:
            with err.status(f"{len(set(tests))} tests ..."):
                found = run(tests)
        except NotRun as error:
            failed(f"the tests were not run: {error}", "Run from the sources, after make test.")
    broken = [
        rule.id
        for each in chosen
        for rule in each.rules
        if found is not None and not _holds(rule, found)
    ]
    if as_json:
        rules = [_told(each, rule, found) for each in chosen for rule in each.rules]
        print_json({"rules": rules, "broken": broken} if run_ else {"rules": rules})
    else:
        for each in chosen:
            _tell(each, found)
        if broken:
            failed(f"{len(broken)} rules do not hold: {', '.join(broken)}")
    raise typer.Exit(1 if broken else 0)


def _holds(rule: Rule, found: dict[str, Ended]) -> bool:
    return all(found[test].holds for test in rule.tests)


def _told(area: Area, rule: Rule, found: dict[str, Ended] | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": rule.id,
        "area": area.title,
        "says": rule.says,
        "of": rule.of,
        "tests": list(rule.tests),
    }
    if found is not None:
        told["holds"] = _holds(rule, found)
        told["tests"] = [
            {"id": test, "passed": found[test].passed, "failed": found[test].failed,
             "left_out": found[test].left_out}
            for test in rule.tests
        ]  # fmt: skip
    return told


def _tell(area: Area, found: dict[str, Ended] | None) -> None:
    """A paragraph a rule, so that what is long stays readable in any width and in a file."""
    out.print(f"\n[bold]{area.name}[/]  {area.title}", highlight=False)
    source = ""
    for rule in area.rules:
        mark = "" if found is None else "[green]✓[/] " if _holds(rule, found) else "[red]✗[/] "
        out.print(f"  {mark}[bold]{rule.id}[/]  {escape(rule.says)}", highlight=False)
        if rule.of != source:
            out.print(f"      [dim]{escape(rule.of)}[/]", highlight=False)
            source = rule.of
        for test in rule.tests:
            count = "" if found is None else f"  {_count(found[test])}"
            out.print(f"      [dim]{_short(test)}[/]{count}", highlight=False)


def _count(ended: Ended) -> str:
    counts = {"passed": ended.passed, "failed": ended.failed, "left out": ended.left_out}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _short(test: str) -> str:
    return test.replace("tests/", "", 1).replace(".py::test_", " ").replace("/test_", "/")
