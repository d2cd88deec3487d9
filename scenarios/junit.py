"""Runs as JUnit XML, which continuous integration shows without knowing what a meter is.

The dialect is the common part of what the schema of Jenkins' xUnit plug-in (junit-10) takes and
GitLab reads: `testsuites`, `testsuite`, `testcase`, and in it `failure` or `error`.  No time of day
is written: a report of one seed differs between two runs in its durations only.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from scenarios.summary import Finding, Summary
from scenarios.sweep import Run, Swept

NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no place for (section 2.2)."""

EXPECTED, ALWAYS, SEEDS = "expected of this story", "true in every story", "seeds"


@dataclass(frozen=True, slots=True)
class _Case:
    """One line of the report.  `failures` are messages with what stands behind them."""

    group: str
    name: str
    failures: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    took_s: float = 0.0


def of_run(summary: Summary, file: str) -> bytes:
    """One run: a test case for each thing that was looked at.  `file` is what was played."""
    cases = [
        _Case(
            f"{summary.scenario}.{ALWAYS if finding.always else EXPECTED}",
            finding.name,
            () if finding.ok else ((finding.found, _repeated(file, summary.seed)),),
        )
        for finding in summary.expect
    ]
    properties = {"seed": str(summary.seed), "log_sha256": summary.log_sha256}
    return _document(summary.scenario, cases, summary.wall_s, properties)


def of_sweep(name: str, swept: Swept, file: str) -> bytes:
    """A sweep: a test case for each seed, with all that failed under it."""
    cases = [
        _Case(
            f"{name}.{SEEDS}",
            f"seed {run.seed}",
            tuple(_failure(file, run, finding) for finding in run.failures),
            run.error,
            run.wall_s,
        )
        for run in swept.runs
    ]
    return _document(name, cases, sum(case.took_s for case in cases), {})


def _failure(file: str, run: Run, finding: Finding) -> tuple[str, str]:
    return f"{finding.name}: {finding.found}", _repeated(file, run.seed)


def _repeated(file: str, seed: int) -> str:
    return f"Repeat it: ami sim run {shlex.quote(file)} --seed {seed}"


def _document(
    name: str, cases: Iterable[_Case], took_s: float, properties: dict[str, str]
) -> bytes:
    cases = list(cases)
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(bool(case.failures) for case in cases if case.error is None)),
        "errors": str(sum(case.error is not None for case in cases)),
        "time": f"{took_s:.3f}",
    }
    root = etree.Element("testsuites", {"name": "ami sim", **counts})
    suite = etree.SubElement(root, "testsuite", {"name": _xml(name), "skipped": "0", **counts})
    if properties:
        kept = etree.SubElement(suite, "properties")
        for key, value in properties.items():
            etree.SubElement(kept, "property", {"name": key, "value": value})
    for case in cases:
        _add(suite, case)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _add(suite: etree._Element, case: _Case) -> None:
    told = {"classname": _xml(case.group), "name": _xml(case.name), "time": f"{case.took_s:.3f}"}
    element = etree.SubElement(suite, "testcase", told)
    if case.error is not None:
        last = (case.error.strip().splitlines() or ["the run broke off"])[-1]
        trouble = etree.SubElement(element, "error", {"message": _xml(last), "type": "error"})
        trouble.text = _xml(case.error)
        return
    if case.failures:
        # GitLab shows the first of several failures only: one element tells all.
        message = "; ".join(message for message, _ in case.failures)
        trouble = etree.SubElement(element, "failure", {"message": _xml(message), "type": "missed"})
        lines = [message for message, _ in case.failures] + [case.failures[0][1]]
        trouble.text = _xml("\n".join(lines))


def _xml(text: str) -> str:
    return NO_XML.sub("\ufffd", text)
