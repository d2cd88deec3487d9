"""Systems that are broken on purpose, each in one rule: the invariants see what comes of it.

Without such a test a sweep that finds nothing might only be blind.
"""

from __future__ import annotations

import pytest

from devices.concentrator import commands, execution, intake
from headend.domain.reason import ReasonCode
from headend.orders import conclusion, effect, step
from headend.orders.judge import EffectUnknown, NotDone, Own, Verdict, judge_command
from protocols.concentrator.messages import Result
from scenarios import stories
from scenarios.engine import run
from scenarios.expectations import invariants
from scenarios.schema import Scenario, parse

NOISE = """
about = "Four of five frames are lost."
start = 2026-07-06T10:00:00
duration = "2h"

[head_end.orders]
tries_max = 5

[[fault]]
kind = "packet-loss"
target = "C-001"
share = 0.8

[[order]]
at = "30s"
meters = ["90000001", "90000002", "90000003", "90000004", "90000005"]
kind = "set-limit"
amount = "3300"

[expect]
"""
SHORT_OF_TIME = """
about = "The meter is silent until the order's time has run out."
start = 2026-07-06T10:00:00
duration = "1h"

[[fault]]
kind = "meter-silent"
target = "90000001"
until = "50s"

[[order]]
at = "30s"
meter = "90000001"
kind = "disconnect"
deadline = "15s"

[expect]
"""


def broken(scenario: Scenario, *seeds: int) -> set[str]:
    """The invariants that do not hold under some of these seeds."""
    return {
        check.name
        for seed in seeds
        for check in invariants(run(scenario, seed=seed))
        if not check.ok
    }


def test_a_head_end_that_takes_silence_for_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that nobody answered may have been carried out all the same."""

    def hasty(result: Result, *own: Own) -> Verdict:
        verdict = judge_command(result, *own)
        if isinstance(verdict, EffectUnknown):
            return NotDone(ReasonCode.NO_ANSWER_UNKNOWN, retry=True)
        return verdict

    noise = parse(NOISE)
    assert broken(noise, 1, 2, 3) == set()
    monkeypatch.setattr(step, "judge_command", hasty)
    monkeypatch.setattr(effect, "judge_command", hasty)
    monkeypatch.setattr(conclusion, "judge_command", hasty)
    assert "nothing was done that was not ordered" in broken(noise, 1, 2, 3)


def test_a_concentrator_that_forgets_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a head-end that sends again what was reported done."""

    def deaf(result: Result, *own: Own) -> Verdict:
        if result.attempt == 1:
            return NotDone(ReasonCode.NO_ANSWER_UNKNOWN, retry=True)
        return judge_command(result, *own)

    _, restart = stories.find("the-head-end-restarts-mid-order")
    monkeypatch.setattr(step, "judge_command", deaf)
    assert broken(restart, 1) == set()  # the concentrator answers from memory
    monkeypatch.setattr(commands, "on_execute", lambda *args, **rest: intake.Begin())
    monkeypatch.setattr(execution, "done_before", lambda *args: None)
    assert broken(restart, 1) == {"nothing was done twice"}


def test_a_concentrator_that_looks_at_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    short = parse(SHORT_OF_TIME)
    assert broken(short, 1) == set()
    monkeypatch.setattr(execution.Execution, "_left_s", lambda *args: 1e9)
    assert broken(short, 1) == {"nothing acted out of its time"}
