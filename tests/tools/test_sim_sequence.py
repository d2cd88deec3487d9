"""`ami sim sequence`: whole, of one order, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from tools.cli import app

STORY = "sequence-4-a-clock-is-synchronised"


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sim", "sequence", STORY, *arguments])


def test_one_order_holds_its_own_steps_alone(tmp_path: Path) -> None:
    file = tmp_path / "two.svg"
    ran = ami("--order", "2", "--svg", str(file), "--json")
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert {each["order"] for each in told} == {None, 2}
    ways = [(each["from"], each["to"]) for each in told]
    assert ways[0] == ("mdm", "head-end") and ways[-1] == ("head-end", "mdm")
    for way in (
        ("head-end", "concentrator"),
        ("concentrator", "meter"),
        ("concentrator", "head-end"),
    ):
        assert way in ways
    assert file.read_text("utf-8").startswith("<svg ")
    assert [each["at_us"] for each in told] == sorted(each["at_us"] for each in told)


def test_an_order_that_there_is_not_is_told() -> None:
    ran = ami("--order", "9")
    assert ran.exit_code == 1
    assert "no order 9" in ran.stderr and "It has 3" in ran.stderr
