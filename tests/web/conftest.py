"""Async tests of pages run on one loop, in which the browser lives; databases are given back."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator

import pytest

from tests.access.making import close_houses as close_houses
from tests.conftest import LIVE_TEST_TIMEOUT_S
from tests.web.browser import STARTED

_runner: list[asyncio.Runner] = []


@pytest.fixture(scope="session", autouse=True)
def one_loop() -> Iterator[None]:
    with asyncio.Runner() as runner:
        _runner.append(runner)
        yield
        runner.run(STARTED.ended())
        _runner.clear()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    (runner,) = _runner
    runner.run(asyncio.wait_for(pyfuncitem.obj(**arguments), LIVE_TEST_TIMEOUT_S))
    return True
