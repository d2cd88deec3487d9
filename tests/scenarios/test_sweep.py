"""A sweep runs each seed once, finds what fails, and counts what happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios import stories
from scenarios.schema import BadScenario
from scenarios.sweep import Run, run_seed, sweep
from tests.scenarios.shared import THREE_ORDERS
from tools.terminal import log_nothing

SEEDS = range(1, 6)


@pytest.mark.parametrize(
    "story", ["retries-overcome-heavy-packet-loss", "the-head-end-restarts-mid-order"]
)
def test_five_seeds(story: str) -> None:
    heard: list[Run] = []
    swept = sweep(stories.path_of(story), SEEDS, jobs=2, prepare=log_nothing, ended=heard.append)
    assert swept.failures == ()
    assert [run.seed for run in swept.runs] == [*SEEDS]
    assert sorted(run.seed for run in heard) == [*SEEDS]
    _, scenario = stories.find(story)
    assert swept.orders == len(SEEDS) * sum(len(order.names()) for order in scenario.order)
    assert set(swept.outcomes) == {"done"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two expectations that are wrong under each seed; one is said to hold for its own only."""
    file = tmp_path / "wrong.toml"
    wrong = 'seed = 2\nabout = "Wrong twice."'
    text = THREE_ORDERS.replace('about = "Three orders, three meters."', wrong)
    file.write_text(f'{text}orders = 4\ndone = 4\n[sweep]\nown_seed_only = ["done"]\n')
    return file


def test_what_counts(file: Path) -> None:
    assert [finding.name for finding in run_seed(file, 1).failures] == ["orders"]
    assert [finding.name for finding in run_seed(file, 2).failures] == ["orders", "done"]
    assert run_seed(file, 1, invariants_only=True).ok
    assert run_seed(file, 2, invariants_only=True).ok


def test_a_run_that_breaks_off_is_a_failure(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenarios.sweep.played", lambda *args, **rest: 1 / 0)
    run = run_seed(file, 1)
    assert not run.ok
    assert run.error is not None and "ZeroDivisionError" in run.error


def test_a_bad_file_is_refused_before_anything_runs(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(f'{THREE_ORDERS}limit = {{ 4711 = "none" }}\n')
    with pytest.raises(BadScenario, match="meter 4711"):
        sweep(file, SEEDS, jobs=1)
