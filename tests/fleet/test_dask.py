"""The same fleet on a scheduler and two workers of Dask, each a process of its own on loopback, and
what becomes of it when they go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from devices.clock import stopwatch
from scenarios.fleet.collection import Collected, collect
from scenarios.fleet.spread import WorkersLost
from scenarios.fleet.spread_by_dask import DaskWorkers
from tests.house.source import ROOT
from tools.cli import app
from tools.fleet import command as fleet

WITHIN_S = 120.0
DASK = (sys.executable, "-W", "ignore", "-m", "dask")


@dataclass
class Started:
    """A scheduler, and the workers that have joined it."""

    address: str
    processes: list[subprocess.Popen[bytes]]

    def end_the_scheduler(self) -> None:
        self.processes[0].kill()
        self.processes[0].wait()


@contextmanager
def dask(tmp_path: Path, *, workers: int) -> Iterator[Started]:
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
        started += [start(*worker) for _ in range(workers)]
        wait_for(lambda: joined(address, workers), started)
        yield Started(address, started)
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


def joined(address: str, workers: int) -> str | None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        return address if len(client.nthreads()) == workers else None


def run(*arguments: str, exit_code: int = 0) -> dict[str, Any]:
    wanted = ("--meters", "36", "--per-concentrator", "6", "--seed", "3", "--jobs", "1", "--json")
    ran = CliRunner().invoke(app, ["fleet", "collect", *wanted, *arguments])
    assert ran.exit_code == exit_code, ran.output
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_two_workers_give_the_hash_of_one_process_and_without_their_scheduler_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases = [tmp_path / "whole", tmp_path / "cut"]
    for folder in databases:
        folder.mkdir()
    whole, cut = map(str, databases)
    here = run()
    with dask(tmp_path, workers=2) as started:
        address = started.address
        spread = run("--dask", address, "--database", whole)
        assert spread["result_sha256"] == here["result_sha256"]
        assert spread["intervals_identical"] == here["intervals_identical"] != 0
        assert spread["dask"] == address

        def cut_off(*given: Any, progress: Callable[[str, int], None], **options: Any) -> Collected:
            def heard(what: str, meters: int) -> None:
                progress(what, meters)
                if what == "collected":
                    started.end_the_scheduler()

            return collect(*given, progress=heard, **options)

        with monkeypatch.context() as patched:
            patched.setattr(fleet, "gather", cut_off)
            error = run("--dask", address, "--database", cut, exit_code=1)["error"]
        assert error["code"] == "workers-lost"
        assert error["text"] == f"the scheduler at {address} is gone"
        assert "repeat the command" in error["next_step"]
    again = run("--database", cut)
    assert again["result_sha256"] == here["result_sha256"]
    assert again["intervals_identical"] == here["intervals_identical"]


def test_a_scheduler_that_no_worker_joins_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with dask(tmp_path, workers=0) as started:
        with pytest.raises(WorkersLost, match="has no workers"):
            list(DaskWorkers(started.address, alone_max_s=0.1).map(abs, [-1]))


def test_a_scheduler_that_is_not_there_is_told() -> None:
    arguments = ["fleet", "collect", "--meters", "2", "--dask", "tcp://127.0.0.1:9", "--jobs", "1"]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 2
    assert "no scheduler at tcp://127.0.0.1:9" in ran.stderr


class DoneJustNow:
    """A future whose result comes at the moment at which the wait for it ends."""

    def __init__(self) -> None:
        self.waits = 0

    def done(self) -> bool:
        return True

    def result(self, timeout: float | None = None) -> str:
        self.waits += 1
        if timeout is not None:
            raise TimeoutError
        return "whole"


def test_a_result_that_comes_as_its_wait_ends_is_taken() -> None:
    future = DoneJustNow()
    assert DaskWorkers("tcp://127.0.0.1:1")._result(None, future) == "whole"
    assert future.waits == 2
