"""The registry's desk on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests import databases
from tests.soap.registry.office import Office, office

pytest_generate_tests = databases.on_both


@pytest.fixture
def at() -> Iterator[Office]:
    made = office()
    yield made
    asyncio.run(made.store.close())
