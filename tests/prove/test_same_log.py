"""One seed, one log: every story under ten seeds, in processes that have nothing else in common.

Two differ in the seed of Python's hashes, and with it in the order of every set of strings; the
third is denied the vector instructions that NumPy would choose on this processor.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from scenarios import stories

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (1, 10)
OPTIONAL = " ".join(feature for feature in __cpu_dispatch__ if __cpu_features__[feature])
PROCESSES = {
    "hash seed 0": {"PYTHONHASHSEED": "0"},
    "hash seed 20261122": {"PYTHONHASHSEED": "20261122"},
    "plain processor": {"PYTHONHASHSEED": "1", "NPY_DISABLE_CPU_FEATURES": OPTIONAL},
}
TOO_LONG_S = 900.0  # ends a process that hangs; each takes about a minute

pytestmark = [pytest.mark.prove, pytest.mark.xdist_group("same-log")]

Digests = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def told() -> dict[str, Digests]:
    """What each process tells, by story and seed; the processes run side by side."""
    faulthandler.cancel_dump_traceback_later()  # pytest's, for tests that hang: these are long
    running = {
        name: subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.prove.logs", *map(str, SEEDS)],
            cwd=ROOT,
            env={**os.environ, **changes},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, changes in PROCESSES.items()
    }
    try:
        return {name: _digests(process) for name, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def _digests(process: subprocess.Popen[str]) -> Digests:
    output, _ = process.communicate(timeout=TOO_LONG_S)
    assert process.returncode == 0, output[-2000:]
    digests: Digests = {}
    for line in output.splitlines():
        digests |= json.loads(line)
    return digests


@pytest.mark.parametrize("story", stories.names())
def test_every_process_writes_the_same_log(told: dict[str, Digests], story: str) -> None:
    first, *others = (digests[story] for digests in told.values())
    assert list(first) == [str(seed) for seed in range(SEEDS[0], SEEDS[1] + 1)]
    for other in others:
        assert other == first


def test_chance_shows_in_the_log(told: dict[str, Digests]) -> None:
    """Otherwise equal logs would prove nothing."""
    for story, digests in next(iter(told.values())).items():
        assert len(set(digests.values())) > 1, story
