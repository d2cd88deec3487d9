"""Concentrators whose memories are too small: what gave way is counted as dropped and as nothing
else, and is still to be had from the meters."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.fleet.city import City
from scenarios.fleet.conditions import Conditions
from tests.fleet.collecting import at, collected, outcome, rows

CITY = City(meters=24, seed=1, per_concentrator=12)
ROWS = 96  # of a day, in one block

CASES = {
    "two blocks": Conditions(memory_octets=8 << 10),
    "one block": Conditions(memory_octets=1 << 10),
    "five blocks, and a fault for hours": Conditions(memory_octets=20 << 10, fault_share=1.0),
}


@pytest.mark.parametrize("conditions", CASES.values(), ids=CASES)
def test_what_a_full_memory_drops_is_counted_and_nothing_else_is_missing(
    conditions: Conditions, tmp_path: Path
) -> None:
    done = collected(tmp_path, CITY, conditions=conditions)
    heard = CITY.meters - done.meters_silent
    assert done.intervals_expected == CITY.meters * ROWS
    assert done.blocks_dropped > 0
    assert done.intervals_received == (heard - done.blocks_dropped) * ROWS > 0
    assert done.intervals_identical == done.intervals_received
    assert done.complete_percent == round(100 * done.intervals_received / (24 * ROWS), 3)
    config = at(tmp_path, CITY)
    assert rows(config, "SELECT count(*) FROM intervals") == [(done.intervals_received,)]
    days = rows(config, "SELECT expected, received, changed FROM interval_days")
    assert days == [(ROWS, ROWS, 0)] * (heard - done.blocks_dropped)
    uploads = "SELECT count(*), sum(blocks), sum(dropped) FROM uploads"
    counted = (done.uploads, heard - done.blocks_dropped, done.blocks_dropped)
    assert rows(config, uploads) == [counted]


def test_processes_change_nothing_of_what_is_dropped(tmp_path: Path) -> None:
    conditions = CASES["five blocks, and a fault for hours"]
    one = collected(tmp_path / "one", CITY, conditions=conditions)
    two = collected(tmp_path / "two", CITY, jobs=2, conditions=conditions)
    assert outcome(one) == outcome(two)


def test_what_was_dropped_comes_when_it_is_collected_again(tmp_path: Path) -> None:
    """The meters still have it, and what had come stays as it was."""
    some = collected(tmp_path / "some", CITY, conditions=CASES["two blocks"])
    kept = set(rows(at(tmp_path / "some", CITY), "SELECT * FROM intervals"))
    again = collected(tmp_path / "some", CITY)
    whole = collected(tmp_path / "whole", CITY)
    assert some.result_sha256 != again.result_sha256 == whole.result_sha256
    assert some.intervals_received < again.intervals_received == whole.intervals_received
    assert again.blocks_dropped == 0
    assert kept < set(rows(at(tmp_path / "some", CITY), "SELECT * FROM intervals"))
