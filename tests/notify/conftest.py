"""Databases of these tests are given back; those of `both` run on each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import databases
from tests.notify import making


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.endswith("test_rules"):
        databases.on_both(metafunc)


@pytest.fixture(autouse=True)
def close_stores() -> Iterator[None]:
    yield
    making.close()
