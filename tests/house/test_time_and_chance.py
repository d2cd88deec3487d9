"""Time and chance are passed in: only the clock and chance modules touch the machine's own.

A name is resolved through the file's imports, so an alias does not hide it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import python_files, read

ALLOWED = {
    "headend/clock.py",
    "headend/chance.py",
    "devices/clock.py",
    "devices/chance.py",
}

FORBIDDEN = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "os.getrandom",
    "os.urandom",
    "simpy.RealtimeEnvironment",
    "simpy.rt",
    "time.gmtime",
    "time.localtime",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.sleep",
    "time.time",
    "time.time_ns",
    "uuid.uuid1",
    "uuid.uuid4",
}
"""And everything of `secrets`, `random` and `numpy.random` but the generators made from a seed."""

SEEDED = {
    "random.Random",
    "numpy.random.BitGenerator",
    "numpy.random.Generator",
    "numpy.random.Philox",
    "numpy.random.SeedSequence",
}


def uses(source: str) -> Iterator[tuple[int, str]]:
    """Each use of the machine's clock or chance: its line and its full name."""
    tree = ast.parse(source)
    full: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.asname:
                    full[name.asname] = name.name
                else:
                    top = name.name.partition(".")[0]
                    full[top] = top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                full[name.asname or name.name] = f"{node.module}.{name.name}"
                if _forbidden(f"{node.module}.{name.name}"):
                    yield node.lineno, f"{node.module}.{name.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (dotted := _dotted(node)):
            head, _, rest = dotted.partition(".")
            if head in full and _forbidden(name := f"{full[head]}.{rest}"):
                yield node.lineno, name


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return None


def _forbidden(name: str) -> bool:
    if name in FORBIDDEN:
        return True
    module, _, _ = name.rpartition(".")
    return module in {"random", "secrets", "numpy.random"} and name not in SEEDED


SNIPPETS = {
    # name: (source, what is found)
    "plain": ("import time\ntime.time()", ["time.time"]),
    "alias": ("import time as clock\nclock.sleep(1)", ["time.sleep"]),
    "from": ("from time import monotonic", ["time.monotonic"]),
    "class": ("from datetime import datetime\ndatetime.now(UTC)", ["datetime.datetime.now"]),
    "module": ("import datetime as dt\ndt.datetime.now()", ["datetime.datetime.now"]),
    "passed on": ("import uuid\nfield(default_factory=uuid.uuid4)", ["uuid.uuid4"]),
    "global chance": ("import random\nrandom.choice([1])", ["random.choice"]),
    "numpy's chance": ("import numpy as np\nnp.random.default_rng()", ["numpy.random.default_rng"]),
    "secrets": ("import secrets\nsecrets.token_bytes(8)", ["secrets.token_bytes"]),
    "system chance": ("import random\nrandom.SystemRandom()", ["random.SystemRandom"]),
    "seeded chance": ("import random\nrandom.Random('seed')", []),
    "the loop's time": ("import asyncio\nasyncio.get_running_loop().time()", []),
    "a date given": ("from datetime import datetime\ndatetime.fromisoformat(x)", []),
    "another's now": ("clock.now()", []),
}


@pytest.mark.parametrize("source, found", SNIPPETS.values(), ids=SNIPPETS)
def test_what_the_rule_sees(source: str, found: list[str]) -> None:
    assert sorted({name for _, name in uses(source)}) == found


def test_only_the_clock_and_chance_modules_touch_the_machine_s_own() -> None:
    broken = [
        f"{path}:{line}: {name}"
        for path in python_files("protocols", "devices", "headend", "scenarios")
        if str(path) not in ALLOWED
        for line, name in uses(read(path))
    ]
    assert broken == []
