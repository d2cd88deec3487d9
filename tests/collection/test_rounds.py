"""Collection's tasks for meters without a concentrator: one order a round, spread, made up for."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from headend.collection.rounds import SPREAD_MAX, Round, offset_of, round_of
from headend.collection.schedule import Scheduling
from headend.config import CollectionTask
from headend.domain.meter import GATEWAY, Meter
from headend.domain.order import SCHEDULED, Kind
from tests.collection.test_reads import BEHIND, M1, desk

SANTIAGO = ZoneInfo("America/Santiago")
LOAD = CollectionTask(name="load", objects=("load-profile",), every="1h", after_s=300)


ROUNDS = {
    # name: (now, every, after_s, window_s, begun, until, following), the zone is Chile's
    "an hour": ("14:07", "1h", 300, 0, "14:05", "15:05", "15:05"),
    "before its minutes": ("14:04", "1h", 300, 0, "13:05", "14:05", "14:05"),
    "its first moment": ("14:05", "1h", 300, 0, "14:05", "15:05", "15:05"),
    "a window": ("14:59", "1h", 300, 600, "14:05", "14:15", "15:05"),
    "a quarter, later than it lasts": ("14:07", "15min", 1200, 0, "14:05", "14:20", "14:20"),
}


@pytest.mark.parametrize("name", ROUNDS)
def test_a_round_begins_when_its_task_is_due(name: str) -> None:
    now, every, after_s, window_s, *told = ROUNDS[name]
    task = CollectionTask(
        name="t", objects=("clock",), every=every, after_s=after_s, window_s=window_s  # type: ignore[arg-type]
    )  # fmt: skip
    found = round_of(task, _at(str(now)), SANTIAGO)
    assert found == Round(*(_at(str(each)) for each in told))


def test_a_day_is_the_zone_s() -> None:
    task = CollectionTask(name="t", objects=("clock",), every="1d", after_s=18_000)
    found = round_of(task, _at("14:00"), SANTIAGO)
    assert (found.begun, found.spread) == (_at("09:00"), SPREAD_MAX)


def test_meters_have_their_turns_all_over_the_spread() -> None:
    spread = timedelta(minutes=30)
    turns = [offset_of("load", f"{number}", spread) for number in range(6000)]
    assert turns == [offset_of("load", f"{number}", spread) for number in range(6000)]
    assert min(turns) == timedelta() and max(turns) < spread
    assert max(Counter(turns).values()) < 200, "100 in each of 60 on the average"
    assert turns != [offset_of("days", f"{number}", spread) for number in range(6000)]


async def test_each_round_has_one_order_of_each_meter_with_an_address() -> None:
    lone = Meter("M5", commissioned=True, model="generic", address="dials-in")
    behind = Meter("M6", "C1", commissioned=True, address=GATEWAY)
    raw = Meter("M7", commissioned=False, address="dials-in")
    async with desk(M1, BEHIND, lone, behind, raw) as it:
        for _ in range(3):  # the head-end starts anew, also within a round
            work = asyncio.create_task(Scheduling(it.reads, (), SANTIAGO, (LOAD,)).run())
            await asyncio.sleep(2400)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        orders = await it.orders()
        rounds = Counter(order.meter for order in orders)
        assert set(rounds) == {"M1", "M5"} and set(rounds.values()) == {3}
        for order in orders:
            assert (order.kind, order.priority) == (Kind.READ, SCHEDULED)
            assert [(each.class_id, each.name) for each in order.objects] == [(7, "1.0.99.1.0.255")]
            assert order.deadline is not None and order.deadline.minute == 5
            assert order.deadline > order.accepted_at
        assert len({order.deadline for order in orders}) == 3


async def test_a_profile_of_any_name_is_read_as_one() -> None:
    own = CollectionTask(name="own", objects=("1.0.94.34.1.255",), kind="events")
    async with desk(M1) as it:
        work = asyncio.create_task(Scheduling(it.reads, (), SANTIAGO, (own,)).run())
        await asyncio.sleep(3600)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert {order.objects[0].class_id for order in await it.orders()} == {7}


NAMES = {
    # name asked for: its class, of the model or by its value group C
    "1.0.99.1.0.255": 7,
    "load-profile": 7,
    "0.0.98.1.0.255": 7,
    "0.0.99.98.4.255": 7,
    "0.0.1.0.0.255": 8,
    "1.0.1.8.0.255": 3,
    "1.0.97.97.0.255": 3,
}


@pytest.mark.parametrize("name", NAMES)
async def test_the_class_of_a_name(name: str) -> None:
    async with desk(M1) as it:
        (wanted,) = it.reads.wanted(M1, [name])
        assert wanted.class_id == NAMES[name]


def _at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-07-06T{clock}:00Z")
