"""The probe with an empty kit, and a street before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_port.street import Street, street
from tests.probe.bench import Probe


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path / "kit")


@pytest.fixture
def at_home() -> Iterator[Street]:
    with street() as shown:
        yield shown
