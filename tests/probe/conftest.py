"""The probe with an empty kit, and a meter on TCP that a module's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probe.bench import Bench, Probe, bench, tcp


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path / "kit")


@pytest.fixture
def meter() -> Iterator[Bench]:
    with bench(tcp()) as shown:
        yield shown
