"""The hooks of tests/conftest.py, seen from outside: what is left out, and what CI says to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

SUITE = '''
"""A suite of one test each."""
import asyncio
import pytest
import tests.conftest

tests.conftest.PARTS["unobtainium"] = lambda: False

@pytest.mark.requires("unobtainium")
def test_needs():
    assert False, "must not run"

def test_gives_up():
    pytest.skip("no moon tonight")

@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    assert False

async def test_simulated():
    before = asyncio.get_running_loop().time()
    await asyncio.sleep(86_400)
    assert asyncio.get_running_loop().time() - before == 86_400

@pytest.mark.live
async def test_live():
    assert type(asyncio.get_running_loop()).__name__ != "SimulatedLoop"

async def test_async_can_fail():
    assert False, "seen"
'''


def run(folder: Path, suite: str, **environment: str) -> str:
    (folder / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n    live: x\n    requires(*parts): x\naddopts = --strict-markers\n"
    )
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-q"],
        cwd=folder,
        # No plugins but ours: they would take half of each process's time.
        env={
            **inherited,
            "CI": "",
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_on_a_machine_that_lacks_a_part_its_tests_are_left_out_and_listed(tmp_path: Path) -> None:
    said = run(tmp_path, SUITE)
    assert "1 failed, 2 passed, 2 skipped, 1 xfailed" in said  # the one that fails is meant to
    listed = said.partition("left out on this machine")[2]
    assert "test_needs: Skipped: unobtainium is not on this machine" in listed
    assert "test_gives_up: Skipped: no moon tonight" in listed


def test_under_ci_leaving_one_out_is_a_failure(tmp_path: Path) -> None:
    said = run(tmp_path, SUITE, CI="true")
    assert "2 failed, 2 passed, 1 xfailed, 1 error" in said  # left out before it began: an error
    assert "left out, which CI does not allow: Skipped: no moon tonight" in said


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_part_that_nobody_knows_is_an_error(tmp_path: Path, ci: str) -> None:
    suite = "import pytest\n@pytest.mark.requires('mosqito')\ndef test_x(): pass\n"
    said = run(tmp_path, suite, CI=ci)
    assert "requires 'mosqito'; known: ['chromium', 'gsoap', 'mosquitto'" in said
    assert "1 error" in said


def test_a_module_that_skips_itself_fails_under_ci(tmp_path: Path) -> None:
    suite = "import pytest\npytest.importorskip('unobtainium')\n"
    assert "1 skipped" in run(tmp_path, suite)
    assert "1 error" in run(tmp_path, suite, CI="true")
