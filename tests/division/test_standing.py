"""`ami demo --serve` as a person runs it: a small division comes up whole, answers everywhere, and
is gone without a trace when it is told to stop, or killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.demo.commands import ROOT, Running, running
from tools.cli import app

PATIENCE_S = 400.0
"""Four processes come up: on a machine that does much else that takes its time."""
SMALL = ("--feeders=2", "--meters=16", "--days=2")


def descendants(process: int) -> Iterator[int]:
    """The processes below one, as Linux tells them."""
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from descendants(int(child))


def gone(processes: list[int]) -> bool:
    """Whether none of them runs, within a while."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if not any(_runs(each) for each in processes):
            return True
        time.sleep(0.05)
    return False


def _runs(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def asked(address: str) -> int:
    with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
        answer.read()
        return int(answer.status)


def eventually(database: Path, query: str) -> list[Any]:
    """What a query finds, once it finds something."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with closing(sqlite3.connect(database, timeout=PATIENCE_S)) as connection:
            found = connection.execute(query).fetchall()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"nothing came of: {query}")


def started(folder: Path, kept: Path) -> Any:
    return running(folder, "demo", "--serve", "--json", f"--keep={kept}", *SMALL)


@pytest.mark.requires("mosquitto")
def test_all_of_it_answers_and_ends(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with started(tmp_path, kept) as demo:
        told = demo.first_word(PATIENCE_S)
        below = [*descendants(demo.process.pid)]
        assert len(below) >= 4  # field, systems, and a Mosquitto each for head-end and bus
        assert told["seconds_to_first_page"] > 0
        assert (told["feeders"], told["meters"], told["account"]) == (2, 16, "admin")
        assert told["one_time_password"]
        assert asked(f"{told['web']}/") == 200
        assert asked(f"{told['rest'].removesuffix('/api/v1')}/health") == 200
        assert asked(f"{told['soap']}/try") == 200
        for name, noun in (
            ("SIAD", "CFE_Circuit"),
            ("SIMOCE", "Feeder"),
            ("SCADA", "Feeder"),
            ("VIP", "CFE_Circuit"),
            ("AMI", "Meter"),
        ):
            words = ["cim", "get", noun, "--at", told["adapters"][name], "--json"]
            got = CliRunner().invoke(app, words)
            assert got.exit_code == 0, got.output
            assert json.loads(got.stdout)["instances"], name
        # Orders cross the whole system, and the past is filled in beside them.
        database = kept / "ami.db"
        eventually(database, "SELECT number FROM orders WHERE state = 'done'")
        eventually(
            database, "SELECT kind FROM task_runs WHERE kind = 'UnbalanceHr' AND state = 'done'"
        )
        with closing(sqlite3.connect(database)) as connection:
            rolled = connection.execute("SELECT count(*) FROM feeder_rolls WHERE span = 'month'")
            assert rolled.fetchone()[0] >= 2
            unmatched = connection.execute("SELECT siad FROM feeder_mappings WHERE simoce IS NULL")
            assert len(unmatched.fetchall()) == 1  # to be mapped by hand
        eventually(database, "SELECT meter FROM interval_days GROUP BY meter HAVING count(*) = 3")
        _interrupted(demo)
        assert gone(below)
        assert "Traceback" not in demo.said()


def _interrupted(demo: Running) -> None:
    """Ctrl-C, as a terminal sends it; the exit code is that of a command that ended well."""
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(PATIENCE_S) == 0


def test_no_process_outlives_one_that_was_killed() -> None:
    words, environment = [sys.executable, "-c", PARENT], {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert _runs(child)
        parent.kill()
        assert gone([child])


PARENT = """
import asyncio
from scenarios.division.process import running
from tests.division.idle import run

async def main():
    async with running("nobody", run, None) as child:
        print(await child.word(), flush=True)
        await child.word()

asyncio.run(main())
"""
