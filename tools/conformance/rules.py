"""The rules that we hold, as data: what each says, where it is from, and the tests that hold it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
"""Of the sources; an installed program has no tests."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.  `of` is a standard and its clause, or the page of docs/ where the choice is ours;
    `tests` are pytest's node ids, of which each holds with all its parameters."""

    id: str
    says: str
    of: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Area:
    """Rules of one subject, in their order."""

    name: str
    title: str
    rules: tuple[Rule, ...]


@cache
def areas() -> tuple[Area, ...]:
    """All of them, as rules.toml has them."""
    text = resources.files("tools.conformance").joinpath("rules.toml").read_text("utf-8")
    found = tomllib.loads(text)["area"]
    return tuple(
        Area(
            name,
            area["title"],
            tuple(
                Rule(
                    f"{name}-{number}",
                    rule["says"],
                    rule.get("of", area["of"]),
                    tuple(map(_node, rule["tests"])),
                )
                for number, rule in enumerate(area["rule"], 1)
            ),
        )
        for name, area in found.items()
    )


def _node(short: str) -> str:
    """`soap/route::mutual_tls` is tests/soap/test_route.py::test_mutual_tls."""
    file, function = short.split("::")
    folder, _, name = file.rpartition("/")
    return f"tests/{folder}/test_{name}.py::test_{function}"
