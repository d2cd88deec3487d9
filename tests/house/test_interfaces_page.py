"""The page of interfaces leaves none out, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from tests.house.source import ROOT

PAGE = ROOT / "docs" / "interfaces.md"
INTERFACES = {
    # seed 004: "Se definen las siguientes interfaces", and the two external ones after them
    "I0", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12",
    "external 1", "external 2",
}  # fmt: skip
NODE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PLACE = re.compile(r"`((?:headend|devices|protocols|tools)[\w/.]*)`")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith(("| I", "| external"))
]


@cache
def functions_of(file: str) -> frozenset[str]:
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_no_interface_is_missing_and_none_stands_twice() -> None:
    names = [row[0] for row in ROWS]
    assert set(names) == INTERFACES and len(names) == len(INTERFACES)


def test_each_tells_its_permission_and_the_tests_that_prove_it() -> None:
    told = {row[0]: (len(row), bool(row[2]), bool(NODE.findall(row[5]))) for row in ROWS}
    assert told == dict.fromkeys(INTERFACES, (6, True, True))
    assert {name for name, *row in ROWS if not re.search("read|write|one way", row[1])} == set()


def test_each_test_and_each_place_that_is_named_is_there() -> None:
    named = [node for row in ROWS for node in NODE.findall(row[5])]
    assert [each for each in named if not each[1].startswith("test_")] == []
    assert [each for each in named if each[1] not in functions_of(each[0])] == []
    places = [place for row in ROWS for place in PLACE.findall(row[4])]
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_pages_that_lead_here() -> None:
    for page in (Path("README.md"), Path("docs/architecture.md")):
        assert "interfaces.md" in (ROOT / page).read_text(encoding="utf-8")
