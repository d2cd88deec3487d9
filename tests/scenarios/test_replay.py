"""A recorded run played again ends as it did, and otherwise where the policy is another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scenarios import stories
from scenarios.summary import played
from tools.cli import app

# Stories whose outcomes the record must bring about again, and how many tries they allow.
STORIES = {
    "a-limit-is-set-and-read-back": 5,
    "the-meter-is-silent": 3,
    "the-meter-is-not-commissioned": 5,
    "the-meter-refuses-the-new-limit": 5,
    "an-order-is-cancelled-while-it-waits": 5,
}


def recorded(story: str, directory: Path) -> str:
    name, scenario = stories.find(story)
    played(name, scenario, keep=directory)
    return str(directory / "ami.db")


@pytest.mark.parametrize("story, tries", STORIES.items(), ids=STORIES)
def test_ends_as_it_did(story: str, tries: int, tmp_path: Path) -> None:
    database = recorded(story, tmp_path)
    options = ["--set", f"retries={tries}", "--json"]
    told = CliRunner().invoke(app, ["sim", "replay", database, *options])
    assert told.exit_code == 0, told.output
    for row in json.loads(told.stdout):
        assert row["changed"] == row["recorded"]


def test_another_policy_ends_otherwise(tmp_path: Path) -> None:
    """The story's own policy gives up after three tries; the default one outlasts the trouble."""
    database = recorded("the-meter-is-silent", tmp_path)
    file = tmp_path / "again.toml"
    options = ["--set", "retries=3", "--output", str(file)]
    told = CliRunner().invoke(app, ["sim", "replay", database, *options])
    assert told.exit_code == 0, told.output
    assert "done: 0 recorded, 1 replayed, 0 with the change" in told.stdout
    assert "tries_max = 3" in file.read_text()
    assert "90000008" not in file.read_text()


def test_nothing_to_replay(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["sim", "replay", str(tmp_path / "no.db")]).exit_code != 0
