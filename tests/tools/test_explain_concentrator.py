"""`ami explain concentrator` tells of a concentrator what a story did to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headend.domain.upkeep import ClockMeasured
from scenarios.engine import run
from scenarios.schema import parse
from tools.cli import app
from tools.explain.concentrator import drift_ppm

STORY = """
about = "A concentrator whose SIM is barred for a while, and whose clock is wrong, collects."
start = 2026-07-06T10:00:00
duration = "4h"

[field]
meters = 3
memory_octets = 1500
outages = "none"
grid = false

[[task]]
name = "load"
objects = ["load-profile"]
every = "15min"
back_s = 900

[[fault]]
kind = "clock"
target = "C-001"
at = "1m"
step_s = 90

[[fault]]
kind = "sim"
target = "C-001"
at = "20m"
until = "2h30m"

[expect]
orders = 0
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("story")
    story = run(parse(STORY), keep=directory)
    (directory / "world.jsonl").write_bytes(b"\n".join(story.world.log.lines))
    yield directory / "ami.db"


def ami(*arguments: str) -> tuple[int, str]:
    told = CliRunner().invoke(app, ["explain", "concentrator", *arguments])
    return told.exit_code, told.stdout


def test_the_page_for_people(database: Path) -> None:
    code, page = ami("C-001", "--database", str(database), "--all")
    assert code == 0
    for told in (
        "concentrator C-001  on line since 2026-07-06",
        "3 meters linked, 0 orders open",
        "off line",
        "fault-log: sim",
        "clock-shifted: by -",
        "memory-full",
        "tasks-set: version 1, 1 tasks",
        "task table version 1, stored",
        "load: profile 1.0.99.1.0.255, every 900 s",
        "lost before",
        "readings lost in its memory",
        "topology: 3 of 3 meters in its network",
        "level 1: 3 meters",
    ):
        assert told in page, told


def test_the_page_for_machines(database: Path) -> None:
    code, page = ami("C-001", "--database", str(database), "--json")
    assert code == 0
    told = json.loads(page)
    assert [change["online"] for change in told["sessions"]] == [True, False, True]
    assert told["online"] is True
    assert told["blocks_lost"] == sum(upload["dropped"] for upload in told["uploads"]) > 0
    assert {*told["availability"]} == {"90000001", "90000002", "90000003"}
    shares = [each["share"] for each in told["availability"].values()]
    assert all(0 < share <= 1 for share in shares)


def test_a_concentrator_that_there_is_not(database: Path) -> None:
    assert ami("C-999", "--database", str(database))[0] == 2


def clocks(*told: tuple[int, float, float]) -> list[ClockMeasured]:
    """Hours, offset, shift; errors are 0.1 s."""
    start = datetime(2026, 7, 6, tzinfo=UTC)
    found = [
        ClockMeasured("C", start + timedelta(hours=at), offset, 0.1, shifted)
        for at, offset, shifted in told
    ]
    return found[::-1]


# measurements, drift in ppm: 0.36 s an hour are 100 ppm
DRIFTS = {
    "never measured": ((), None),
    "measured once": (((0, 1.0, 0.0),), None),
    "100 ppm": (((0, 0.0, 0.0), (10, 3.6, 0.0)), 100.0),
    "less than can be seen": (((0, 0.0, 0.0), (10, 0.1, 0.0)), 0.0),
    "only since the last shift": (((0, 9.0, -9.0), (1, 0.0, 0.0), (11, -3.6, 0.0)), -100.0),
    "shifted just now": (((0, 0.0, 0.0), (10, 7.2, -7.2)), 200.0),
}


@pytest.mark.parametrize(("told", "ppm"), DRIFTS.values(), ids=DRIFTS)
def test_drift(told: tuple[tuple[int, float, float], ...], ppm: float | None) -> None:
    assert drift_ppm(clocks(*told)) == (None if ppm is None else pytest.approx(ppm))


def test_what_really_happened_stands_beside_it(database: Path) -> None:
    log = str(database.parent / "world.jsonl")
    code, told = ami("C-001", "--database", str(database), "--truth", log, "--json")
    truth = json.loads(told)["truth"]
    assert code == 0
    assert [line["fault"] for line in truth if line["kind"] == "fault"] == [
        "ClockWrong",
        "ModemFails",
    ]
    code, told = ami("C-001", "--database", str(database), "--truth", log, "--all")
    assert code == 0
    assert "ModemFails at C-001 is over" in told and "its modem: online →" in told
    assert ami("C-001", "--database", str(database), "--truth", "/nowhere")[0] == 2
