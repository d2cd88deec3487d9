"""Chance by name, and one seed giving one log whatever the process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from devices.chance import Rounds, deviate, octets, philox, stream

RUN = """
import asyncio
from datetime import UTC, datetime
from devices.chance import philox, stream
from devices.clock import FieldDriver, run_simulated, world

START = datetime(2026, 7, 6, tzinfo=UTC)
log = []

def meter(env, name):
    luck = stream(7, "meter", name)
    for _ in range(5):
        yield env.timeout(luck.expovariate(0.01))
        log.append(f"{env.now!r} {name} {luck.random()!r}")

async def linger(name):
    try:
        await asyncio.sleep(1e9)
    finally:
        log.append(f"ended {name}")

async def main():
    env = world(START)
    for number in range(20):
        env.process(meter(env, f"M{number:04d}"))
    FieldDriver(env).start()
    tasks = [asyncio.create_task(linger(n)) for n in range(50)]
    await asyncio.sleep(5000)
    log.append(repr(philox(7, "load").random(4).tolist()))

run_simulated(main(), start=START)
print("\\n".join(log))
"""


def run_with(hash_seed: str) -> str:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_one_seed_gives_one_log_under_any_hash_seed():
    logs = [run_with(hash_seed) for hash_seed in ("0", "1", "random")]
    assert len(logs[0].splitlines()) == 151
    assert logs[0] == logs[1] == logs[2]


def test_a_stream_is_fixed_by_its_key_for_ever():
    """Written down, so that a change that moves everybody's luck is seen."""
    assert stream(7, "link", "M0004", "noise").randrange(10**6) == 202530
    assert octets(7, "meter", 3, count=4).hex() == "93e1c7c4"
    assert philox(7, "load").integers(10**6) == 678066


KEYS = {
    "another seed": (8, "link", "M1"),
    "another name": (7, "link", "M2"),
    "another cause": (7, "load", "M1"),
    "fewer names": (7, "link"),
    "names cut elsewhere": (7, "lin", "kM1"),
    "empty name": (7, "link", "M1", ""),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_other_keys_give_other_luck(key: tuple[int, str, str]):
    seed, *names = key
    assert stream(seed, *names).random() != stream(7, "link", "M1").random()
    assert octets(seed, *names, count=16) != octets(7, "link", "M1", count=16)
    assert philox(seed, *names).random() != philox(7, "link", "M1").random()


def test_a_number_and_its_text_are_two_names():
    assert stream(7, 1).random() != stream(7, "1").random()


def test_adding_a_device_moves_nobody_elses_luck():
    few = {name: stream(7, "meter", name).random() for name in ("a", "b")}
    many = {name: stream(7, "meter", name).random() for name in ("a", "new", "b")}
    assert few == {name: many[name] for name in few}


@pytest.mark.parametrize("count", [0, 1, 16, 500])
def test_octets_are_as_many_as_asked_for_and_longer_ones_begin_alike(count: int):
    assert len(octets(1, "k", count=count)) == count
    assert octets(1, "k", count=count) == octets(1, "k", count=1000)[:count]


def test_a_deviate_is_the_first_of_its_stream() -> None:
    """However often it is drawn, and whatever was drawn in between."""
    for name in ("M1", "M2", "M1"):
        assert deviate(7, "path", name) == stream(7, "path", name).gauss(0.0, 1.0)


def test_a_rounds_draws_are_those_of_a_counter_of_its_own() -> None:
    """The high halves of what Philox gives at a counter that nobody else has, in any order."""
    rounds = Rounds(7, "keep-alive", "C-001", "plc")
    assert rounds.draws(5, 8) == Rounds(7, "keep-alive", "C-001", "plc").draws(5, 8)
    key = int.from_bytes(hashlib.sha256(b"7/s10:keep-alive/s5:C-001/s3:plc").digest()[:16], "big")
    for number in (27_000_000, 3, 27_000_001, 3):
        fresh = np.random.Philox(key=key, counter=number << 64).random_raw(11)
        assert rounds.draws(number, 11) == [int(word) >> 32 for word in fresh]
