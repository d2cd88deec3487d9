"""The list of rules: each is held by tests that are there, and each noun has some."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from protocols.cim.nouns import NOUNS, QUERIES
from tools.cli import app
from tools.conformance import running
from tools.conformance.rules import ROOT, areas
from tools.conformance.running import Ended, NotRun

RULES = [rule for area in areas() for rule in area.rules]


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse(Path(ROOT, file).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_has_tests_that_are_there(rule: object) -> None:
    tests = rule.tests  # type: ignore[attr-defined]
    assert tests
    assert len(set(tests)) == len(tests)
    for test in tests:
        file, _, function = test.partition("::")
        assert function in functions(file), test


def test_each_noun_has_rules() -> None:
    said = " ".join(f"{rule.says} {rule.of} {rule.id}" for rule in RULES)
    said += " ".join(area.title for area in areas())
    for noun in (*NOUNS, *QUERIES):
        assert noun.removeprefix("Get") in said, noun


def test_the_command_lists_them() -> None:
    ran = CliRunner().invoke(app, ["cim", "conformance", "--json"])
    assert ran.exit_code == 0
    told = json.loads(ran.stdout)["rules"]
    assert [each["id"] for each in told] == [rule.id for rule in RULES]
    ran = CliRunner().invoke(app, ["cim", "conformance", "bus"])
    assert ran.exit_code == 0 and "bus-1" in ran.stdout and "envelope-1" not in ran.stdout
    ran = CliRunner().invoke(app, ["cim", "conformance", "nothing"])
    assert ran.exit_code == 2


def test_they_are_run_and_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With parameters, one that fails, one that is left out."""
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_some.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', [1, 2])\n"
        "def test_holds(n):\n    assert n\n"
        "@pytest.mark.parametrize('n', [0, 1])\n"
        "def test_breaks(n):\n    assert n\n"
        "@pytest.mark.skip\n"
        "def test_waits():\n    pass\n",
        "utf-8",
    )
    monkeypatch.setattr(running, "ROOT", tmp_path)
    names = [f"tests/test_some.py::test_{each}" for each in ("holds", "breaks", "waits")]
    ended = running.run(names)
    assert ended[names[0]] == Ended(2)
    assert ended[names[1]] == Ended(1, 1)
    assert ended[names[2]] == Ended(left_out=1)
    assert [each.holds for each in (ended[name] for name in names)] == [True, False, False]
    with pytest.raises(NotRun):
        running.run(["tests/test_other.py::test_x"])
