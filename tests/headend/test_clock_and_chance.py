"""The head-end's clocks and chance: aware, seeded, and apart from one another."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from headend.chance import SeededChance, SystemChance
from headend.clock import LoopClock, WallClock
from tests.house.source import ROOT


async def test_the_loop_s_clock_goes_with_the_loop() -> None:
    epoch = datetime(2026, 7, 6, tzinfo=timezone(timedelta(hours=-4)))
    clock = LoopClock(epoch)
    assert clock.now() == epoch and clock.now().tzinfo is UTC
    await asyncio.sleep(86_400.25)
    assert clock.now() == epoch + timedelta(days=1, seconds=0.25)


def test_an_epoch_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        LoopClock(datetime(2026, 7, 6))


def test_the_wall_clock_is_aware() -> None:
    assert WallClock().now().utcoffset() == timedelta(0)


def test_the_same_seed_and_names_give_the_same_draws() -> None:
    one, two = SeededChance(7, "hes", 1), SeededChance(7, "hes", 1)
    assert [one.uuid() for _ in range(3)] == [two.uuid() for _ in range(3)]
    assert one.uniform("jitter", 0, 1) == two.uniform("jitter", 0, 1)


OTHERS = {
    "another seed": SeededChance(8, "hes", 1),
    "another name": SeededChance(7, "sim", 1),
    "a restart": SeededChance(7, "hes", 2),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_seed_name_or_start_gives_others(other: SeededChance) -> None:
    assert SeededChance(7, "hes", 1).uuid() != other.uuid()


def test_one_stream_s_draws_do_not_move_another_s() -> None:
    one, two = SeededChance(7), SeededChance(7)
    for _ in range(10):
        one.uuid()
        one.uniform("backoff", 0, 1)
    assert one.uniform("jitter", 0, 1) == two.uniform("jitter", 0, 1)


def test_a_draw_does_not_depend_on_the_hash_seed() -> None:
    command = "from headend.chance import SeededChance as S; print(S(7, 'hes').uuid())"
    said = {
        subprocess.run(
            [sys.executable, "-c", command],
            cwd=ROOT,
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1", "4711")
    }
    assert said == {f"{SeededChance(7, 'hes').uuid()}\n".encode()}


@pytest.mark.parametrize("chance", [SystemChance(), SeededChance(1)], ids=["system", "seeded"])
def test_ids_are_uuids_and_draws_lie_between(chance: SystemChance | SeededChance) -> None:
    ids = {chance.uuid() for _ in range(100)}
    assert len(ids) == 100 and {uuid.UUID(text).version for text in ids} == {4}
    assert all(0.5 <= chance.uniform("x", 0.5, 1.5) <= 1.5 for _ in range(100))
