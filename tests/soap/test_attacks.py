"""Attacks on whoever reads XML, over the real server: each has its answer, in bounded memory and
without work that grows faster than the message."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.soap.attacked import GROWTH_MAX_MB, server
from tests.soap.attacks import FAILED, LARGE, SMALL, TAKEN
from tests.soap.desk import RememberingDesk


async def told(octets: bytes) -> tuple[str, str]:
    desk = RememberingDesk()
    answer = await server(desk).handle(octets)
    assert answer.told is not None
    assert (answer.told.result == TAKEN) == (len(desk.taken) == 1)
    assert answer.status == 200 or answer.told.result != FAILED
    for secret in (b"root:", b"Traceback", b"lollol"):
        assert secret not in answer.body
    return answer.told.result, answer.told.key


@pytest.mark.parametrize(("octets", "result", "key"), SMALL.values(), ids=SMALL)
async def test_small_ones(octets: bytes, result: str, key: str) -> None:
    assert await told(octets) == (result, key)


def test_large_ones_in_bounded_memory() -> None:
    """All of them one after another in a process of their own, whose memory and time are limited:
    beyond, it would be killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soap.attacked"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["name"]: (each["result"], each["key"]) for each in found} == {
        name: (result, key) for name, (_, result, key) in LARGE.items()
    }
    assert max(each["growth_mb"] for each in found) <= GROWTH_MAX_MB, found
