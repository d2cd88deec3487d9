"""`ami explain meter`: each fault shows in what the head-end heard, and the truth beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headend.domain.meter import Meter
from headend.domain.order import Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.store.meter_causes import causes_of
from scenarios import stories
from scenarios.summary import played
from tools.cli import app

Explained = Callable[..., Any]
METER, SILENT = "90000001", "90000008"


@pytest.fixture
def explained(tmp_path: Path) -> Explained:
    """Plays a story and explains a meter of it."""

    def explain(story: str, meter: str = METER, *options: str) -> str:
        kept, log = tmp_path / story, tmp_path / f"{story}.jsonl"
        if not kept.exists():
            kept.mkdir()
            name, scenario = stories.find(story)
            played(name, scenario, keep=kept, log=log)
        arguments = ["explain", "meter", meter, "--database", str(kept / "ami.db"), *options]
        if "--truth" in options:
            arguments.append(str(log))
        told = CliRunner().invoke(app, arguments)
        assert told.exit_code == 0, told.output
        return told.stdout

    return explain


CAUSES = {
    # story: words of the cause
    "the-meter-is-silent": "the meter does not answer",
    "the-meter-is-not-commissioned": "it is not commissioned",
    "the-meter-is-unreachable": "no place in the network",
    "the-concentrators-sim-is-barred": "C-001 is not on line",
    "a-foreign-meter-that-does-not-conform-is-refused": "does not prove itself",
    "the-meter-refuses-the-new-limit": "ended failed",
}


@pytest.mark.parametrize("story, words", CAUSES.items(), ids=CAUSES)
def test_why(explained: Explained, story: str, words: str) -> None:
    scenario = stories.find(story)[1]
    meter = "90000004" if scenario.field.discovery else scenario.order[0].names()[0]
    causes = json.loads(explained(story, meter, "--json"))["causes"]
    assert any(words in cause["text"] for cause in causes), causes
    assert all(cause["evidence"] for cause in causes)
    assert any(cause["next_step"] for cause in causes), causes


def test_an_order_that_is_still_tried_stands_against_its_meter_already() -> None:
    at = datetime(2026, 7, 6, 10, tzinfo=UTC)
    order = Order(
        *(7, "T", "CIS", METER, Kind.SET_LIMIT, at, at, at, at + timedelta(hours=1)),
        state=State.EXECUTING,
        amount=Decimal(3300),
        attempts=2,
        reason=ReasonCode.METER_DOES_NOT_ANSWER,
    )
    meter = Meter(METER, "C-001", commissioned=True)
    (cause,) = causes_of(meter, [order], None, None, None)
    assert "tried 2 times, is executing: the meter" in cause.text
    assert "until 2026-07-06 11:00:00" in cause.next_step


def test_one_that_is_fine(explained: Explained) -> None:
    told = explained("a-limit-is-set-and-read-back")
    assert "nothing that was heard stands against it" in told
    assert "set-limit: done" in told and "linked to C-001" in told


def test_the_truth_beside_it(explained: Explained) -> None:
    told = explained("the-meter-is-silent", SILENT, "--truth")
    assert f"SilentMeter at {SILENT} begins" in told
    assert "SilentMeter" not in explained("the-meter-is-silent", SILENT)


def test_nobody() -> None:
    told = CliRunner().invoke(app, ["explain", "meter", "1", "--database", "/nowhere/ami.db"])
    assert told.exit_code != 0
