"""Everything that reads the database runs on both kinds of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.warehouse.utility import Utility

pytest_generate_tests = databases.on_both


@pytest.fixture
def utility(tmp_path: Path) -> Iterator[Utility]:
    """A utility of two zones and two days, its data store empty."""
    made = Utility(tmp_path)
    yield made
    made.close()
