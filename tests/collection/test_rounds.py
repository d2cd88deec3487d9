"""Collection's tasks for meters without a concentrator: one order a round, spread, made up for."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headend.collection.periods import month_of
from headend.collection.rounds import SPREAD_MAX, Round, offset_of, round_of
from headend.collection.schedule import Scheduling
from headend.config import CollectionTask
from headend.domain.meter import GATEWAY, Meter
from headend.domain.order import SCHEDULED, Kind
from tests.collection.test_reads import BEHIND, M1, desk

SANTIAGO = ZoneInfo("America/Santiago")
ZONES = [ZoneInfo(each) for each in ("America/Santiago", "America/Havana", "Asia/Beirut", "UTC")]
REGISTERS = CollectionTask(name="now", kind="registers", objects=("1.0.1.8.0.255",))
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
    begun, until, following = (_at(str(each)) for each in told)
    assert found == Round(begun, until, following)


MONTHS = {
    # name: (zone, now, begun, following); offsets as tzdata 2024a has them
    "Chile's summer begins within it": (
        "America/Santiago", "2026-09-20T12:00Z", "2026-09-01T04:00Z", "2026-10-01T03:00Z",
    ),
    "its last moment": (
        "America/Santiago", "2026-10-01T02:59Z", "2026-09-01T04:00Z", "2026-10-01T03:00Z",
    ),
    "its first moment": (
        "America/Santiago", "2026-10-01T03:00Z", "2026-10-01T03:00Z", "2026-11-01T03:00Z",
    ),
    "over the year": (
        "America/Santiago", "2026-12-31T23:00Z", "2026-12-01T03:00Z", "2027-01-01T03:00Z",
    ),
    "a February of 29 days": (
        "Europe/Rome", "2028-02-29T12:00Z", "2028-01-31T23:00Z", "2028-02-29T23:00Z",
    ),
    "clocks that skip its midnight": (
        "America/Asuncion", "2017-10-01T04:00Z", "2017-10-01T04:00Z", "2017-11-01T03:00Z",
    ),
    "before a midnight that is skipped": (
        "America/Asuncion", "2017-10-01T03:59Z", "2017-09-01T04:00Z", "2017-10-01T04:00Z",
    ),
    "in the second of two midnight hours": (
        "America/Havana", "2026-11-01T05:30Z", "2026-11-01T04:00Z", "2026-12-01T05:00Z",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MONTHS)
def test_a_month_turns_at_the_zone_s_first_midnight(name: str) -> None:
    zone, *times = MONTHS[name]
    now, begun, following = map(datetime.fromisoformat, times)
    task = CollectionTask(name="t", objects=("clock",), every="1mo", after_s=0)
    found = round_of(task, now, ZoneInfo(zone))
    assert (found.begun, found.until, found.following) == (begun, following, following)
    late = replace(task, after_s=18_000, window_s=7200)
    shift = timedelta(hours=5)
    found = round_of(late, now + shift, ZoneInfo(zone))
    until = begun + shift + timedelta(hours=2)
    assert found == Round(begun + shift, until, following + shift)


@given(at=st.datetimes(datetime(1980, 1, 1), datetime(2036, 1, 1)), zone=st.sampled_from(ZONES))
def test_months_follow_each_other_without_gap(at: datetime, zone: ZoneInfo) -> None:
    now = at.replace(tzinfo=UTC)
    begun, following = month_of(now, zone)
    assert begun <= now < following
    assert month_of(following, zone)[0] == following
    assert month_of(begun - timedelta(microseconds=1), zone)[1] == begun
    assert (begun.astimezone(zone).day, following.astimezone(zone).day) == (1, 1)


def test_a_spread_of_its_own_takes_half_the_window_at_most() -> None:
    narrow = replace(LOAD, spread_s=120.0)
    assert round_of(narrow, _at("14:07"), SANTIAGO).spread == timedelta(minutes=2)
    wide = replace(LOAD, spread_s=7200.0, window_s=1200.0)
    assert round_of(wide, _at("14:07"), SANTIAGO).spread == timedelta(minutes=10)


GROUPS: dict[str, tuple[dict[str, Any], str]] = {
    # name: (group, who of M1, M5 of model sim-1p, M6 behind C1 with an address of its own)
    "a model": ({"models": ("sim-1p",)}, "M5"),
    "two models": ({"models": ("sim-1p", "sim-3p")}, "M1 M5"),
    "a concentrator": ({"concentrators": ("C1",)}, "M6"),
    "names": ({"meters": ("M1", "M6", "M77")}, "M1 M6"),
    "all must hold": ({"meters": ("M1", "M5"), "models": ("sim-1p",)}, "M5"),
    "a place where nobody hangs": ({"place": "R9"}, ""),
}


@pytest.mark.parametrize("name", GROUPS)
async def test_a_round_is_for_its_group(name: str) -> None:
    group, wanted = GROUPS[name]
    special = Meter("M5", commissioned=True, model="sim-1p", address="dials-in")
    linked = Meter("M6", "C1", commissioned=True, address="dials-in")
    async with desk(M1, BEHIND, special, linked) as it:
        task = replace(REGISTERS, **group)
        work = asyncio.create_task(Scheduling(it.reads, (), SANTIAGO, (task,)).run())
        await asyncio.sleep(3600)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert {order.meter for order in await it.orders()} == set(wanted.split())


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
