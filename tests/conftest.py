"""What every test gets: the simulated clock, and an honest word about what was left out.

An `async def` test runs on the simulated clock, so no test waits for real time.  One that needs
real sockets says so with `@pytest.mark.live` and runs on the ordinary loop.

A test that needs a program or service says `@pytest.mark.requires("mosquitto")`.  Where it is
missing, the test is left out and listed at the end; under CI=true leaving one out is a failure.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
import structlog
from _pytest.nodeid import coerce_node_id
from hypothesis import settings

from tests import databases

# As the command line has it: small matrices gain nothing from threads, and two test workers lose by
# them (a story with a grid takes a fifth longer).  NumPy reads it when a test first imports it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Time never decides a test: a busy machine is no reason to fail an example.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SIMULATED_START = datetime(2026, 7, 6, tzinfo=UTC)  # a Monday, and no holiday in Chile
LIVE_TEST_TIMEOUT_S = 120.0  # ends a test that hangs; no test is meant to come near it
SYSTEM_PATH = os.pathsep.join(filter(None, [os.environ.get("PATH"), "/usr/sbin", "/sbin"]))


@pytest.fixture(autouse=True, scope="session")
def _server_of_databases() -> None:
    """A server cannot be started under the simulated clock."""
    if databases.EVERYWHERE == databases.POSTGRESQL:
        databases.cluster()


@pytest.fixture(autouse=True)
def kind_of_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kind that `tests.databases` hands out to this test."""
    kind: str = getattr(request, "param", databases.EVERYWHERE)
    with databases.of_kind(kind):
        yield kind


@pytest.fixture(autouse=True)
def _logs_as_at_the_start() -> Iterator[None]:
    """A command run inside a test configures the log of the whole process."""
    yield
    structlog.reset_defaults()


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name, path=SYSTEM_PATH) is not None


def _gsoap() -> bool:
    """Its two programs, its library and a compiler."""
    programs = ("wsdl2h", "soapcpp2", "g++")
    there = all(shutil.which(name, path=SYSTEM_PATH) is not None for name in programs)
    return there and Path("/usr/include/stdsoap2.h").exists()


def _php_soap() -> bool:
    php = shutil.which("php", path=SYSTEM_PATH)
    if php is None:
        return False
    probe = [php, "-r", 'exit(class_exists("SoapClient") ? 0 : 1);']
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


# Vectors of others, which this repository names but does not hold: no machine must have them.
KEPT_OUTSIDE = "kept outside the repository"

# What a test may require, and how its presence is seen; tools/provision.sh installs the same.
PARTS: dict[str, Callable[[], bool]] = {
    "chromium": _program("chromium"),
    "mosquitto": _program("mosquitto"),
    "openssl": _program("openssl"),
    "postgresql": lambda: databases.programs() is not None,
    "rsyslogd": _program("rsyslogd"),
    "socat": _program("socat"),
    "tshark": _program("tshark"),
    "php-soap": _php_soap,
    "gsoap": _gsoap,
}


@cache
def present(part: str) -> bool:
    return PARTS[part]()


def under_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("requires"):
        for part in marker.args:
            if part not in PARTS:
                raise pytest.UsageError(f"{item.nodeid} requires {part!r}; known: {sorted(PARTS)}")
            if not present(part):
                pytest.skip(f"{part} is not on this machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a run that is all on PostgreSQL, what SQLite alone has is not asked; what that is, is
    said."""
    for item in items:
        for mark in item.iter_markers("sqlite_only"):
            if not (mark.args and isinstance(mark.args[0], str)):
                raise pytest.UsageError(f"{item.nodeid} does not say why SQLite alone")
    if config.getoption("loadgroup", False):
        _name_their_groups(items)
    if databases.EVERYWHERE == databases.POSTGRESQL:
        left = [item for item in items if item.get_closest_marker("sqlite_only")]
        if left:
            config.hook.pytest_deselected(items=left)
            items[:] = [item for item in items if item not in set(left)]


def _name_their_groups(items: list[pytest.Item]) -> None:
    """xdist sends a group to one worker by a suffix of its tests' ids, which it writes where pytest
    9.1 read them and 9.2 does not: what a group shares was made once for each worker."""
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        if mark is not None and not item.nodeid.endswith(f"@{mark.args[0]}"):
            item._id = coerce_node_id(f"{item.nodeid}@{mark.args[0]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    _refuse_to_leave_out(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    _refuse_to_leave_out(report)
    return report


def _refuse_to_leave_out(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Under CI a test left out is a test failed; an expected failure is no test left out."""
    if under_ci() and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        if KEPT_OUTSIDE in str(reason):
            return
        report.outcome = "failed"
        report.longrepr = f"left out, which CI does not allow: {reason}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = terminalreporter.stats.get("skipped", [])
    if left_out:
        terminalreporter.section("left out on this machine")
        for report in left_out:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            terminalreporter.write_line(f"{report.nodeid}: {reason}")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests: on the simulated clock, or live where the test is marked so."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    if pyfuncitem.get_closest_marker("live"):
        asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), LIVE_TEST_TIMEOUT_S))
    else:
        from devices.clock import run_simulated

        run_simulated(pyfuncitem.obj(**arguments), start=SIMULATED_START)
    return True
