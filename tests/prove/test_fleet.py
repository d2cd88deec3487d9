"""A million meters entered within the time and memory that were asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.fleet.city import City
from scenarios.fleet.provisioning import provision, storage
from tests import databases

pytestmark = pytest.mark.prove


def test_a_million_meters_are_entered_in_two_gigabytes(tmp_path: Path) -> None:
    config = storage(databases.at(tmp_path / "million.db"), None, 1)
    done = provision(City(1_000_000), config, jobs=2)
    print(done)
    assert (done.meters, done.keys_new) == (1_000_000, 1_000_000)
    assert done.peak_rss_mb <= 2_000
