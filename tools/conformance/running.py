"""The rules' tests, run from the sources, and how each of them ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from tools.conformance.rules import ROOT


@dataclass(frozen=True, slots=True)
class Ended:
    """How a test ended with each of its parameters."""

    passed: int = 0
    failed: int = 0
    left_out: int = 0

    @property
    def holds(self) -> bool:
        return self.passed > 0 and not self.failed


class NotRun(RuntimeError):
    """The tests could not be run at all."""


def run(tests: Iterable[str]) -> dict[str, Ended]:
    """Run each once.  Raises `NotRun` where they are not here, or pytest itself ends badly."""
    wanted = sorted(set(tests))
    missing = [each for each in wanted if not (ROOT / each.partition("::")[0]).is_file()]
    if missing:
        raise NotRun(f"{missing[0]} is not here")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        options = [
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            "-o",
            "junit_family=xunit1",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, f"--junitxml={report}", *wanted],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode not in (0, 1):
            raise NotRun(done.stdout.decode(errors="replace").strip().rpartition("\n")[2])
        return _ended(report, wanted)


def _ended(report: Path, wanted: Iterable[str]) -> dict[str, Ended]:
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for case in etree.parse(report).iter("testcase"):
        name = f"{case.get('file')}::{case.get('name', '').partition('[')[0]}"
        outcomes = {each.tag for each in case}
        column = 1 if outcomes & {"failure", "error"} else 2 if "skipped" in outcomes else 0
        counted[name][column] += 1
    return {each: Ended(*counted[each]) for each in wanted}
