"""Plug-ins: found by entry point, ours the same by name, broken ones told."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint

import pytest

from headend.tasks.kinds import GROUP, BadParameters, Kind, NoParameters, kinds, parameters_of
from headend.tasks.ours import OURS
from headend.tasks.unbalance_hours import KIND
from tests import databases
from tests.house.source import ROOT
from tests.tasks.tasking import Given, Site

pytestmark = databases.on_one


async def _nothing(work: object, given: object) -> dict[str, int | float | str]:
    return {}


OTHER = Kind("Other", "Of another package.", NoParameters, _nothing)
SAME = Kind("UnbalanceHr", "Of another package, under a name of ours.", NoParameters, _nothing)
NO_KIND = 1


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_ours_are_registered_as_any_other_packages() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        said = tomllib.load(file)["project"]["entry-points"][GROUP]
    points = [point(name, value) for name, value in said.items()]
    assert [*kinds((), points).known] == [*said] == [each.name for each in OURS]
    both = kinds(OURS, points)
    assert both.broken == {} and [*both.known.values()] == [*OURS]


def test_another_packages_are_found_and_broken_ones_told() -> None:
    here = "tests.tasks.test_kinds"
    found = kinds(
        OURS,
        [
            point("Other", f"{here}:OTHER"), point("Same", f"{here}:SAME"),
            point("None", f"{here}:NO_KIND"), point("Gone", "no.such.module:KIND"),
        ],
    )  # fmt: skip
    assert found.get("Other") is OTHER and found.get("UnbalanceHr") is KIND
    assert {*found.broken} == {"Same", "None", "Gone"}
    assert "ModuleNotFoundError" in found.broken["Gone"]


def test_parameters_are_typed_and_kept_whole() -> None:
    kind = Site().kinds.get("each")
    assert kind is not None
    assert kind.written(kind.read({"count": "3"})) == {"count": 3, "name": "x", "days": []}
    assert parameters_of(kind) == [
        ("count", "integer", 1), ("name", "string", "x"), ("days", "array of integer", []),
    ]  # fmt: skip
    for wrong in ({"count": "many"}, {"other": 1}):
        with pytest.raises(BadParameters, match="each:"):
            kind.read(wrong)
    assert Given().count == 1
