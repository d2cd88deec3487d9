"""Two hundred seeds of the stories in which most can go wrong: no order is lost, none carried out
twice, and what the meters did is what the head-end recorded.

AMI_SWEEP sets the number of seeds.
"""

from __future__ import annotations

import faulthandler
import os

import pytest

from scenarios import stories
from scenarios.sweep import Run, sweep
from tools.terminal import log_nothing

SEEDS = range(1, int(os.environ.get("AMI_SWEEP", "200")) + 1)
STORIES = (
    "retries-overcome-heavy-packet-loss",
    "the-head-end-restarts-mid-order",
    "the-concentrator-reboots-mid-order",
    *(name for name in ("a-bad-day",) if name in stories.names()),
)

pytestmark = [pytest.mark.prove, pytest.mark.xdist_group("many-seeds")]


@pytest.mark.parametrize("story", STORIES)
def test_no_seed_loses_or_doubles_an_order(story: str, capsys: pytest.CaptureFixture[str]) -> None:
    faulthandler.cancel_dump_traceback_later()  # pytest's, for tests that hang: this one is long
    swept = sweep(stories.path_of(story), SEEDS, jobs=os.cpu_count() or 1, prepare=log_nothing)
    with capsys.disabled():
        print(f"\n{story}: {len(swept.runs)} seeds, {swept.orders} orders, {swept.outcomes}")
    failed = [
        f"ami sim run {story} --seed {run.seed}: {run.error or _found(run)}"
        for run in swept.failures
    ]
    assert not failed, "\n".join(failed)
    assert len(swept.runs) == len(SEEDS)
    assert swept.outcomes.get("done", 0) > 0


def _found(run: Run) -> str:
    return "; ".join(f"{finding.name}: {finding.value}" for finding in run.failures)
