"""Weeks of a fleet by the whole head-end: what full memories drop, back-fill brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.fleet.city import City
from scenarios.fleet.conditions import Conditions
from scenarios.fleet.month import run
from tools.fleet.month import FIRST_DAY

METERS, DAYS = 24, 6
MEMORY_OCTETS = 80_000
"""Less than two days of twelve meters' load profiles, and more than one upload."""


@pytest.mark.prove
def test_what_full_memories_dropped_is_here_in_the_end(tmp_path: Path) -> None:
    conditions = Conditions(radio=None, memory_octets=MEMORY_OCTETS)
    month = run(
        City(METERS, per_concentrator=12),
        f"sqlite:///{tmp_path / 'month.db'}",
        first_day=FIRST_DAY,
        days=DAYS,
        conditions=conditions,
    )
    assert month.blocks_dropped > 0 and month.backfill_blocks > 0
    assert month.complete_of_the_others_percent >= 99.9
    assert month.intervals_identical == month.intervals_received
    assert (month.head_end_errors, month.head_end_restarts) == (0, 3)
