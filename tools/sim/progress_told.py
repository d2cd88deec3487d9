"""How far a command is, for the program that has started it: lines of JSON on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import typer

from devices.clock import stopwatch
from scenarios.schema import Scenario, seconds

EVERY_S = 0.25  # of real time, at most


def of_story(scenario: Scenario) -> Callable[[float], None]:
    """Hears of a story's seconds as they pass; tells the share that is over, and its time."""
    whole_s = seconds(scenario.duration)
    elapsed_s, told_s = stopwatch(), -EVERY_S

    def passed(second: float) -> None:
        nonlocal told_s
        if (now_s := elapsed_s()) - told_s < EVERY_S:
            return
        told_s = now_s
        at = scenario.start_utc + timedelta(seconds=second)
        _tell(share=round(min(1.0, second / whole_s), 4) if whole_s else 1.0, at=at.isoformat())

    return passed


def of_sweep(seed: int, *, done: int, of: int, failed: int) -> None:
    """After each seed."""
    _tell(share=round(done / of, 4), done=done, of=of, failed=failed, seed=seed)


def of_stage(name: str) -> None:
    """At the begin of a part whose length nobody knows."""
    _tell(stage=name)


def _tell(**what: Any) -> None:
    typer.echo(json.dumps({"progress": what}), err=True)
