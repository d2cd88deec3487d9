"""The same fleet on a scheduler and two workers of Dask, each a process of its own on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices.clock import stopwatch
from tests.house.source import ROOT
from tools.cli import app

WITHIN_S = 120.0
DASK = (sys.executable, "-W", "ignore", "-m", "dask")


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """Its address; two workers have joined it."""
    told = tmp_path / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*DASK, *arguments, "--scheduler-file", str(told)],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    started = [
        start("scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0")
    ]
    worker = ("worker", "--no-dashboard", "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1")
    try:
        address = wait_for(lambda: address_in(told), started)
        started += [start(*worker), start(*worker)]
        wait_for(lambda: two_workers(address), started)
        yield address
    finally:
        for process in reversed(started):  # how Dask ends is not what is tested
            process.kill()
            process.wait()


def wait_for(look: Callable[[], str | None], started: list[subprocess.Popen[bytes]]) -> str:
    elapsed_s = stopwatch()
    while elapsed_s() < WITHIN_S:
        assert all(process.poll() is None for process in started), "a process ended by itself"
        if (found := look()) is not None:
            return found
        try:
            started[0].wait(0.1)
        except subprocess.TimeoutExpired:
            pass
    raise AssertionError("Dask did not start")


def address_in(told: Path) -> str | None:
    try:
        return str(json.loads(told.read_text())["address"])
    except (OSError, ValueError):  # not there yet, or half written
        return None


def two_workers(address: str) -> str | None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        return address if len(client.nthreads()) == 2 else None


def run(*arguments: str) -> dict[str, object]:
    wanted = ("--meters", "36", "--per-concentrator", "6", "--seed", "3", "--json")
    ran = CliRunner().invoke(app, ["fleet", "collect", *wanted, *arguments])
    assert ran.exit_code == 0, ran.output
    told: dict[str, object] = json.loads(ran.stdout)
    return told


def test_two_workers_of_dask_give_the_same_hash_as_one_process(
    scheduler: str, tmp_path: Path
) -> None:
    (tmp_path / "db").mkdir()
    here = run("--jobs", "1")
    spread = run("--jobs", "1", "--dask", scheduler, "--database", str(tmp_path / "db"))
    assert spread["result_sha256"] == here["result_sha256"]
    assert spread["intervals_identical"] == here["intervals_identical"] != 0
    assert spread["dask"] == scheduler


def test_a_scheduler_that_is_not_there_is_told() -> None:
    arguments = ["fleet", "collect", "--meters", "2", "--dask", "tcp://127.0.0.1:9", "--jobs", "1"]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 2
    assert "no scheduler at tcp://127.0.0.1:9" in ran.stderr
