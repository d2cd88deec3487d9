"""`ami sim`, as scripts rely on it: values on stdout, all else on stderr, exit codes 0, 1 and 2."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from typer.testing import CliRunner, Result

from scenarios import stories
from scenarios.schema import BadScenario
from scenarios.sweep import Run, Swept, run_seed
from tests.scenarios.shared import THREE_ORDERS
from tools.cli import app

ROOT = Path(__file__).resolve().parents[2]
STORY = "a-limit-is-set-and-read-back"


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    """A story that expects one order too many, under each seed."""
    file = tmp_path / "wrong.toml"
    file.write_text(f"{THREE_ORDERS}orders = 4\n")
    return str(file)


def test_run() -> None:
    ran = ami("sim", "run", STORY, "--seed", "3", "--json")
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert ran.stderr == ""
    assert set(told) == {
        "scenario",
        "seed",
        "log_sha256",
        "orders",
        "expect",
        "simulated_s",
        "wall_s",
    }
    assert told["scenario"] == STORY
    assert told["seed"] == 3
    assert len(told["log_sha256"]) == 64
    assert told["orders"] == {"total": 1, "done": 1, "failed": {}, "open": 0}
    assert told["simulated_s"] == 600
    assert told["wall_s"] > 0
    for finding in told["expect"]:
        assert set(finding) == {"name", "ok", "value", "expected", "always"}
        assert finding["ok"]
    assert {f["name"]: f["value"] for f in told["expect"]}["limit"] == {"90000001": "3300"}


def test_run_counts_failures_by_reason() -> None:
    told = json.loads(ami("sim", "run", "the-meter-is-silent", "--json").stdout)
    assert told["orders"]["failed"] == {"meter-does-not-answer": 1}
    assert told["seed"] == stories.find("the-meter-is-silent")[1].seed


def test_run_for_people() -> None:
    ran = ami("sim", "run", STORY)
    assert ran.exit_code == 0
    assert stories.find(STORY)[1].about in ran.stdout
    assert "1 order: 1 done" in ran.stdout
    assert "✗" not in ran.stdout


def test_an_expectation_that_fails(wrong: str) -> None:
    ran = ami("sim", "run", wrong, "--json")
    assert ran.exit_code == 1
    (missed,) = (f for f in json.loads(ran.stdout)["expect"] if not f["ok"])
    assert missed == {"name": "orders", "ok": False, "value": 3, "expected": 4, "always": False}
    for_people = ami("sim", "run", wrong)
    assert for_people.exit_code == 1
    (line,) = (line for line in for_people.stdout.splitlines() if "✗" in line)
    assert line.split() == ["✗", "orders", "3", "4"]


BAD = {
    "no such story": (None, "neither a file nor a story of the library"),
    "unknown key": ("orderz = 4\n", "line 27: expect.orderz is no key; known here: orders, done"),
    "meter that is not there": ('limit = { 4711 = "1" }\n', "meter 4711: the field has 90000001"),
}


@pytest.mark.parametrize("command", [["run"], ["sweep", "--seeds", "1-2"]], ids=["run", "sweep"])
@pytest.mark.parametrize(("rest", "says"), BAD.values(), ids=BAD)
def test_bad_file(command: list[str], rest: str | None, says: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    if rest is not None:
        file.write_text(THREE_ORDERS + rest)
    ran = ami("sim", *command, str(file))
    assert ran.exit_code == 2
    assert ran.stdout == ""
    assert says in ran.stderr.replace("\n", " ")


@pytest.mark.parametrize("command", [["run"], ["sweep", "--seeds", "1-2"]], ids=["run", "sweep"])
def test_a_story_that_expects_nothing(command: list[str], tmp_path: Path) -> None:
    file = tmp_path / "nothing.toml"
    file.write_text(THREE_ORDERS)
    ran = ami("sim", *command, str(file))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "expects nothing" in ran.stderr
    assert "done = 1" in ran.stderr


@pytest.mark.parametrize("name", stories.names())
def test_every_story_of_the_library_is_let_play(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise BadScenario("as far as this")

    monkeypatch.setattr("tools.sim.playing.played", stop)
    assert "as far as this" in ami("sim", "run", name).stderr


def test_a_log_in_no_directory(tmp_path: Path) -> None:
    ran = ami("sim", "run", STORY, "--log", str(tmp_path / "nowhere" / "log"))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "there is no directory" in ran.stderr


def test_log(tmp_path: Path) -> None:
    log = tmp_path / "world.jsonl"
    told = json.loads(ami("sim", "run", STORY, "--log", str(log), "--json").stdout)
    assert hashlib.sha256(log.read_bytes()).hexdigest() == told["log_sha256"]
    kinds = {json.loads(line)["kind"] for line in log.read_text().splitlines()}
    assert {"transfer", "meter", "journal", "answer"} <= kinds


def test_keep(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert ami("sim", "run", STORY, "--keep", str(kept)).exit_code == 0
    listed = ami("order", "list", "--database", str(kept / "ami.db"), "--json")
    assert [order["state"] for order in json.loads(listed.stdout)] == ["done"]
    again = ami("sim", "run", STORY, "--keep", str(kept))
    assert again.exit_code == 1
    assert "is not empty" in again.stderr


def test_list() -> None:
    told = json.loads(ami("sim", "list", "--json").stdout)
    assert [story["name"] for story in told] == stories.names()
    assert all(story["about"] for story in told)
    lines = ami("sim", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == stories.names()


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds one after the other; tests/scenarios sweeps in several processes."""

    def one_by_one(
        file: Path,
        seeds: range,
        *,
        invariants_only: bool,
        prepare: Callable[[], None],
        ended: Callable[[Run], None],
        **_: Any,
    ) -> Swept:
        prepare()
        runs = [run_seed(file, seed, invariants_only) for seed in seeds]
        for run in runs:
            ended(run)
        return Swept(tuple(runs))

    monkeypatch.setattr("tools.sim.sweeping.sweep_", one_by_one)


def test_sweep() -> None:
    ran = ami("sim", "sweep", STORY, "--seeds", "1-2", "--jobs", "2", "--json")
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert (told["runs"], told["orders"], told["outcomes"]) == (2, 2, {"done": 2})
    assert told["failures"] == []


@pytest.mark.usefixtures("in_this_process")
def test_sweep_for_people() -> None:
    ran = ami("sim", "sweep", STORY, "--seeds", "1-2")
    assert ran.exit_code == 0
    assert ran.stdout.startswith("2 runs in ")
    assert ran.stdout.splitlines()[0].endswith(" s, 2 orders:")
    assert "Every run was as it must be." in ran.stdout


@pytest.mark.usefixtures("in_this_process")
def test_a_sweep_names_what_repeats_its_failures(wrong: str) -> None:
    ran = ami("sim", "sweep", wrong, "--seeds", "4-5")
    assert ran.exit_code == 1
    for seed in (4, 5):
        assert f"ami sim run {wrong} --seed {seed}" in ran.stdout
    assert ran.stdout.count("orders: 3, not 4") == 2
    told = json.loads(ami("sim", "sweep", wrong, "--seeds", "4-4", "--json").stdout)
    (failure,) = told["failures"]
    assert failure["repeat"] == f"ami sim run {wrong} --seed 4"
    assert [finding["name"] for finding in failure["expect"]] == ["orders"]


@pytest.mark.usefixtures("in_this_process")
def test_invariants_only(wrong: str) -> None:
    assert ami("sim", "sweep", wrong, "--seeds", "4-4", "--invariants-only").exit_code == 0


@pytest.mark.parametrize("seeds", ["5", "5-1", "a-b", "1-", "-1-5", "1..5"])
def test_seeds_are_two_numbers(seeds: str) -> None:
    ran = ami("sim", "sweep", STORY, f"--seeds={seeds}")
    assert ran.exit_code == 2
    assert "like 1-200" in ran.stderr.replace("\n", " ")


def test_as_a_process() -> None:
    """What the head-end logs while its concentrator is away must not reach stdout."""
    ran = subprocess.run(
        [sys.executable, "-c", "from tools.cli import main; main()"]
        + ["sim", "run", "the-concentrators-sim-is-barred", "--json", "--verbose"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["orders"]["failed"] == {"sim-fault": 1}
    assert "concentrator offline" in ran.stderr


# --- for a bench of tests ------------------------------------------------------------------------


def test_junit_of_a_run_and_of_a_sweep(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    assert ami("sim", "run", wrong, "--junit", str(file)).exit_code == 1
    report = etree.parse(str(file)).getroot()
    assert report.get("failures") == "1"
    assert report.xpath("//testcase[failure]/@name") == ["orders"]
    swept = ami("sim", "sweep", wrong, "--seeds", "1-2", "--jobs", "1", "--junit", str(file))
    assert swept.exit_code == 1
    names = etree.parse(str(file)).getroot().xpath("//testcase[failure]/@name")
    assert names == ["seed 1", "seed 2"]


def test_junit_has_nowhere_to_go(tmp_path: Path) -> None:
    ran = ami("sim", "run", STORY, "--junit", str(tmp_path / "none" / "junit.xml"))
    assert ran.exit_code == 2
    assert "there is no directory" in ran.stderr


# --- asking more of a story ----------------------------------------------------------------------


def test_shrink_writes_what_fails(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    ran = ami("sim", "shrink", wrong, "--tries", "3", "--output", str(file))
    assert ran.exit_code == 0, ran.stderr
    assert "still fails: orders" in ran.stderr and ran.stdout == ""
    assert ami("sim", "run", str(file)).exit_code == 1
    fine = ami("sim", "shrink", STORY)
    assert fine.exit_code == 1 and "does not fail" in fine.stderr


def test_diff(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert ami("sim", "run", STORY, "--seed", "1", "--log", str(log)).exit_code == 0
    alike = ami("sim", "diff", str(log), STORY, "--seeds", "1,1", "--json")
    assert alike.exit_code == 0 and json.loads(alike.stdout)["same"]
    other = ami("sim", "diff", str(log), STORY, "--seeds", "1,2")
    assert other.exit_code == 1 and "They part at line" in other.stdout
    assert ami("sim", "diff", str(log), STORY, "--seeds", "1").exit_code == 2


def test_whatif() -> None:
    ran = ami(
        "sim", "whatif", STORY, "--vary", "retries=1..2", "--seeds", "1-2", "--jobs", "1",
        "--by", "10:08", "--json",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert [each["settings"] for each in told] == [
        {"head_end.orders.tries_max": 1},
        {"head_end.orders.tries_max": 2},
    ]
    assert all(each["by"] == [1.0, 1.0, 1.0] and each["by_s"] == 480 for each in told)
    assert ami("sim", "whatif", STORY, "--vary", "retriez=1", "--jobs", "1").exit_code == 2


def test_replay(tmp_path: Path) -> None:
    kept, file = tmp_path / "kept", tmp_path / "then.toml"
    assert ami("sim", "run", STORY, "--keep", str(kept)).exit_code == 0
    database = str(kept / "ami.db")
    report = tmp_path / "replay.html"
    ran = ami(
        "sim", "replay", database, "--set", "retries=1", "--output", str(file), "--json",
        "--report", str(report),
    )  # fmt: skip
    page = report.read_text("utf-8")
    assert page.startswith("<!doctype html>") and "replay" in page
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert told["settings"] == {"head_end.orders.tries_max": 1}
    assert told["agreeing"] == len(told["orders"]) > 0
    assert ami("sim", "run", str(file)).exit_code == 0
    assert ami("sim", "replay", database, "--set", "retriez=1").exit_code == 2
    assert ami("sim", "replay", str(tmp_path / "none.db")).exit_code == 2
