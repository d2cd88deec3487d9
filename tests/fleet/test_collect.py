"""A collected city: the bytes are the ordinary meters', the rows are what they measured, and
nothing depends on how many processes there were."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from devices.meter.device import Meter
from devices.meter.services import value_of
from headend.app.fleet import LeasedKeys, fleet_desk
from protocols.dlms.logical_name import LogicalName
from scenarios.fleet import collection
from scenarios.fleet.city import CLIENT, City
from scenarios.fleet.collection import collect
from scenarios.fleet.conditions import Conditions
from scenarios.fleet.district import KIND, District
from scenarios.fleet.harvest import Task, harvest
from scenarios.fleet.provisioning import provision
from scenarios.fleet.workers import Workers
from tests.fleet.collecting import CITY, DAY, at, collected, outcome
from tools.cli import app

FIVE = City(meters=40, seed=5, per_concentrator=8)


@dataclass
class Heard:
    """All that reached meters, and what they said."""

    of: dict[str, list[tuple[float, bytes, bytes]]] = field(default_factory=dict)

    def __call__(self, meter: str, now: float, request: bytes, answers: bytes) -> None:
        self.of.setdefault(meter, []).append((now, request, answers))


def task(folder: Path, *, number: int = 0, days: int = 1) -> Task:
    config = at(folder)
    provision(CITY, config, jobs=1)
    desk = fleet_desk(config)
    leases = desk.lease([str(index) for index in CITY.behind(number)], CLIENT, 16_384)
    desk.close()
    return Task(config, CITY, Conditions(), number, DAY, days, tuple(leases))


def test_the_answers_are_the_ordinary_meters_octet_by_octet(tmp_path: Path) -> None:
    """Replayed one by one to meters of their own, counters and all."""
    wanted, heard = task(tmp_path), Heard()
    harvest(wanted, heard)
    district = wanted.district
    assert len(heard.of) >= 12
    for index, load in zip(district.indices, district.loads, strict=True):
        said = heard.of.get(str(index), [])
        meter = Meter(CITY.identity(index), load, KIND)
        for now, request, answers in said:
            assert b"".join(meter.receive(request, now=now)) == answers
        assert not said or len(said) >= 5  # association, proof, columns, scales, rows


def test_no_octets_are_said_twice(tmp_path: Path) -> None:
    """A counter that came again would make equal requests; lost sessions count on."""
    wanted, heard = task(tmp_path, days=2), Heard()
    brought = harvest(wanted, heard)
    for meter, said in heard.of.items():
        requests = [request for _, request, _ in said]
        assert len(set(requests)) == len(requests), meter
    for before, after in zip(wanted.leases, brought.used, strict=True):
        assert before.own <= after.own <= after.end
        assert after.own > before.own + 5 or before.meter not in heard.of


def test_the_truth_is_what_the_meters_own_registers_say(tmp_path: Path) -> None:
    district = District(CITY, 1, DAY, 2)
    truth = district.truth()
    for at_, meter in enumerate(district.meters()[:3]):
        for row in (0, 1, 50, 95, 96, 191):
            now = float(district.ends[row])
            registers = (LogicalName(name) for name in KIND.load_registers)
            shown = [value_of(meter, 3, name, 2, now) for name in registers]
            assert truth[at_, row].tolist() == [0, *shown]


def test_everything_that_came_is_identical_and_processes_change_nothing(tmp_path: Path) -> None:
    one = collected(tmp_path / "one", FIVE)
    assert one.intervals_expected == 40 * 96
    assert one.intervals_received == (40 - one.meters_silent) * 96
    assert one.intervals_identical == one.intervals_received
    four = collected(tmp_path / "four", FIVE, jobs=4)
    assert outcome(four) == outcome(one)
    other = collected(tmp_path / "other", City(40, seed=6, per_concentrator=15))
    assert other.result_sha256 != one.result_sha256


def test_the_next_day_goes_on_with_the_counters_of_the_first(tmp_path: Path) -> None:
    both = collected(tmp_path / "both", days=2)
    first = collected(tmp_path / "single")
    counters = leases(tmp_path / "single")
    second = collected(tmp_path / "single", first_day=DAY + 1)
    assert second.intervals_identical == second.intervals_received > 0
    assert first.intervals_received + second.intervals_received == both.intervals_received
    for before, after in zip(counters, leases(tmp_path / "single"), strict=True):
        assert after.own > before.own and after.peer >= before.peer


def leases(folder: Path) -> list[LeasedKeys]:
    desk = fleet_desk(at(folder))
    names = [str(index) for index in CITY.behind(0)]
    found = desk.lease(names, CLIENT, 1)
    desk.settle(found)
    desk.close()
    return found


def test_collected_again_nothing_changes(tmp_path: Path) -> None:
    first = collected(tmp_path / "x")
    again = collected(tmp_path / "x")
    assert again.result_sha256 == first.result_sha256
    assert again.intervals_received == first.intervals_received


def test_a_run_that_was_interrupted_goes_on_when_it_is_repeated(tmp_path: Path) -> None:
    config = at(tmp_path)

    def interrupted(what: str, meters: int) -> None:
        if what == "collected":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(CITY, config, Workers(1), jobs=1, first_day=DAY, days=1, progress=interrupted)
    again = collected(tmp_path)
    assert again.intervals_identical == again.intervals_received
    assert again.result_sha256 == collected(tmp_path / "at once").result_sha256


def test_a_value_that_differs_is_counted(tmp_path: Path) -> None:
    district = District(CITY, 0, DAY, 1)
    truth = district.truth()
    index = np.arange(district.indices[0], district.indices[0] + 3)
    stored = np.array(
        [
            [meter, district.ends[row], *truth[place, row]]
            for place, meter in enumerate(index)
            for row in range(96)
        ],
        np.int64,
    )
    assert collection._identical(district, stored, truth) == 3 * 96
    stored[17, 4] += 1
    stored[200, 2] = 1
    assert collection._identical(district, stored, truth) == 3 * 96 - 2


def test_the_command_tells_what_it_did(tmp_path: Path) -> None:
    wanted = ["fleet", "collect", "--meters", "12", "--per-concentrator", "12", "--jobs", "1"]
    ran = CliRunner().invoke(app, [*wanted, "--json", "--database", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert told["intervals_identical"] == told["intervals_received"] > 0
    assert {"meters", "intervals_expected", "simulated_s", "wall_s", "peak_rss_mb"} <= told.keys()
    assert (tmp_path / "fleet.db").exists()
    ran = CliRunner().invoke(app, wanted)
    assert ran.exit_code == 0 and told["result_sha256"] in ran.stdout


@pytest.mark.parametrize("since", ["yesterday", "2026-02-30"])
def test_a_day_that_is_none_is_wrong_usage(since: str) -> None:
    assert CliRunner().invoke(app, ["fleet", "collect", "--since", since]).exit_code == 2
