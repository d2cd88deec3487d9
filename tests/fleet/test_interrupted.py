"""A collection that is interrupted from outside while its processes work: it ends at once, leaves
none of them behind, claims nothing, and goes on when it is repeated."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from devices.clock import stopwatch
from scenarios.fleet.city import City
from scenarios.fleet.spread import WorkersLost
from scenarios.fleet.workers import Workers
from tests import databases
from tests.fleet.collecting import collected
from tests.house.source import ROOT

pytestmark = databases.sqlite_only("whose lock holds the run where it is")

CITY = City(meters=72, seed=5, per_concentrator=6)
WITHIN_S = 120.0
LOOK_S = 0.01
TRIES = 3

COLLECT = (
    *(sys.executable, "-c", "from tools.cli import main; main()", "fleet", "collect"),
    *("--meters", "72", "--per-concentrator", "6", "--seed", "5", "--jobs", "2", "--json"),
)


class Missed(Exception):
    """The run was through before it was held."""


def test_interrupted_twice_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    """By Ctrl-C, which a terminal tells all processes, and by the death of the first of them."""
    for number in range(TRIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            interrupt_twice(folder / "fleet.db")
            break
        except Missed:  # whoever looks was kept waiting by others for as long as the run took
            continue
    else:
        pytest.fail("the run cannot be held in its midst")
    again = collected(folder, CITY)
    undisturbed = collected(tmp_path / "undisturbed", CITY)
    assert again.result_sha256 == undisturbed.result_sha256
    assert again.intervals_identical == again.intervals_received
    assert again.intervals_received == undisturbed.intervals_received


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(WorkersLost, match="has died"):
        list(Workers(2).map(os._exit, [1]))


def interrupt_twice(file: Path) -> None:
    ended = interrupted(file, lambda pid: os.killpg(pid, signal.SIGINT))
    assert ended == (130, b"", b"")
    days = whole_days(file)
    assert 0 < days < CITY.meters
    ended = interrupted(file, lambda pid: os.kill(pid, signal.SIGKILL))
    assert ended[:2] == (-signal.SIGKILL, b"")
    assert days < whole_days(file) < CITY.meters


def interrupted(file: Path, interrupt: Callable[[int], None]) -> tuple[int, bytes, bytes]:
    """Run the command until something new is stored, and `interrupt` it; its exit code, what it
    said, and its complaints."""
    with subprocess.Popen(
        [*COLLECT, "--database", str(file)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            with held_in_the_midst(file, process):
                interrupt(process.pid)
            told, complaints = process.communicate(timeout=WITHIN_S)
            wait_for(lambda: not of_session(process.pid), "processes stayed behind")
        finally:
            for pid in of_session(process.pid):
                os.kill(pid, signal.SIGKILL)
    return process.returncode, told, complaints


@contextmanager
def held_in_the_midst(file: Path, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Within it the run can store nothing more, and has stored what was not there before."""
    before = stored(file)
    wait_for(lambda: stored(file) > before or process.poll() is not None, "nothing is stored")
    with closing(sqlite3.connect(file, timeout=WITHIN_S, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        if stored(file) == CITY.concentrators:
            raise Missed
        assert process.poll() is None, "it ended by itself"
        yield
        database.execute("ROLLBACK")


def stored(file: Path) -> int:
    """How many concentrators' uploads."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            query = "SELECT count(DISTINCT concentrator) FROM uploads"
            return int(database.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # no file yet, or no tables
        return 0


def whole_days(file: Path) -> int:
    """How many meters' days are stored; there are no parts of days."""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        days = database.execute("SELECT received FROM interval_days").fetchall()
        intervals = database.execute("SELECT count(*) FROM intervals GROUP BY meter").fetchall()
    assert days == intervals == [(96,)] * len(days)
    return len(days)


def of_session(leader: int) -> list[int]:
    """The processes of a session that run still; those that have ended and that nobody has asked
    about do not."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:  # it has gone in the meantime
            continue
        state, _, _, session = stat.rpartition(")")[2].split()[:4]
        if int(session) == leader and state != "Z":
            found.append(int(folder.name))
    return found


def wait_for(look: Callable[[], bool], otherwise: str) -> None:
    elapsed_s, pause = stopwatch(), threading.Event()
    while not look():
        assert elapsed_s() < WITHIN_S, otherwise
        pause.wait(LOOK_S)
