"""One seed, one log, byte for byte.  The long proof of every story is in tests/prove."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from scenarios import stories
from scenarios.engine import run

ROOT = Path(__file__).resolve().parents[2]
STORIES = ("the-head-end-restarts-mid-order", "retries-overcome-heavy-packet-loss")
SEED = 7
CHOSEN = " ".join(feature for feature in __cpu_dispatch__ if __cpu_features__[feature])
PROCESSES = {
    "hash seed 0": {"PYTHONHASHSEED": "0"},
    "hash seed 1": {"PYTHONHASHSEED": "1"},
    "no vector instructions": {"PYTHONHASHSEED": "2", "NPY_DISABLE_CPU_FEATURES": CHOSEN},
}
PROGRAM = """
import sys
from scenarios import stories
from scenarios.engine import run
from tools.terminal import log_nothing
log_nothing()
for name in sys.argv[2:]:
    print(run(stories.find(name)[1], seed=int(sys.argv[1])).log_sha256)
"""


@pytest.fixture(scope="module")
def here() -> list[str]:
    """The digests in this process."""
    return [run(stories.find(name)[1], seed=SEED).log_sha256 for name in STORIES]


def test_again_in_the_same_process(here: list[str]) -> None:
    again = [run(stories.find(name)[1], seed=SEED).log_sha256 for name in STORIES]
    assert again == here


@pytest.mark.parametrize("changes", PROCESSES.values(), ids=PROCESSES)
def test_in_another_process(here: list[str], changes: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(SEED), *STORIES],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **changes},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == here


@pytest.mark.parametrize("name", STORIES)
def test_another_seed_is_another_story(here: list[str], name: str) -> None:
    assert run(stories.find(name)[1], seed=SEED + 1).log_sha256 not in here


def test_keeping_the_database_changes_nothing(here: list[str], tmp_path: Path) -> None:
    _, scenario = stories.find(STORIES[0])
    assert run(scenario, seed=SEED, keep=tmp_path).log_sha256 == here[0]
    assert (tmp_path / "ami.db").is_file()
