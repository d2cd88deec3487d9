"""Reads as orders: on demand and by schedule, and what they never stand in the way of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from headend.app.calendar import working_days
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.collection.asking import OBJECTS_MAX, BadRead, Reads
from headend.collection.periods import MINUTES, period_of
from headend.collection.schedule import Scheduling
from headend.config import OrderPolicy, ReadSchedule
from headend.domain.meter import Meter
from headend.domain.order import SCHEDULED, URGENT_MAX, Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.models import Shelf
from headend.orders.accept import Acceptance, Submission, Wish
from headend.orders.settle import Settling
from headend.store.store import SqlStore
from tests import databases
from tests.conftest import SIMULATED_START

pytest_generate_tests = databases.on_both

SANTIAGO = ZoneInfo("America/Santiago")
M1 = Meter("M1", commissioned=True, model="sim-3p", address="tcp://10.1.2.3")
M2 = Meter("M2", commissioned=True, model="sim-3p", address="tcp://10.1.2.4")
BEHIND = Meter("M3", "C1", commissioned=True)


@dataclass(slots=True)
class Desk:
    store: SqlStore
    reads: Reads
    acceptance: Acceptance
    woken: list[str]

    async def orders(self) -> list[Order]:
        def work(tx: object) -> list[Order]:
            found = (tx.order(number) for number in range(1, 100))  # type: ignore[attr-defined]
            return [order for order in found if order is not None]

        return await self.store.run(work)


@asynccontextmanager
async def desk(*meters: Meter) -> AsyncIterator[Desk]:
    store, chance = SqlStore(databases.memory(), live=False), SeededChance(1)
    policy, woken = OrderPolicy(), list[str]()
    clock = LoopClock(SIMULATED_START)
    settling = Settling(chance, policy, lambda: None)
    acceptance = Acceptance(policy, working_days(policy), settling, woken.extend)
    await store.run(lambda tx: tx.put_meters(meters or (M1, M2, BEHIND)))
    yield Desk(store, Reads(store, clock, chance, Shelf(), acceptance), acceptance, woken)
    await store.close()


async def test_a_read_is_an_order_of_its_meter_s_lane() -> None:
    async with desk() as it:
        order = await it.reads.place("M1", ["voltage-l1", "1.0.2.8.0.255"], source="me")
        assert (order.kind, order.state, order.source) == (Kind.READ, State.QUEUED, "me")
        assert order.concentrator == "direct/10.1.2.0/24" and it.woken == [order.concentrator]
        assert [(str(each), each.class_id, each.name) for each in order.objects] == [
            ("voltage-l1", 3, "1.0.32.7.0.255"),
            ("1.0.2.8.0.255", 3, "1.0.2.8.0.255"),
        ]
        assert order.priority > URGENT_MAX
        behind = await it.reads.place("M3", ["clock"], source="me")
        assert (behind.state, behind.concentrator) == (State.QUEUED, "C1")


async def test_a_read_may_be_placed_on_any_day() -> None:
    async with desk() as it:
        await asyncio.sleep(5 * 86_400)  # Saturday
        assert (await it.reads.place("M1", ["clock"], source="me")).state is State.QUEUED


async def test_a_meter_that_may_not_be_read_rejects_it_and_nobody_else_is_told() -> None:
    async with desk() as it:
        order = await it.reads.place("M9", ["clock"], source="me")
        assert (order.state, order.reason) == (State.REJECTED, ReasonCode.UNKNOWN_METER)
        assert await it.store.run(lambda tx: tx.unsettled()) == 0


BAD = {
    "no object": [],
    "too many": ["clock"] * (OBJECTS_MAX + 1),
    "no word": ["flux"],
    "half a name": ["1.0.1.8"],
}


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_read(name: str) -> None:
    async with desk() as it:
        with pytest.raises(BadRead, match="one to|Known: clock"):
            await it.reads.place("M1", BAD[name], source="me")
        assert await it.orders() == []


# What a supply waits for comes first.


async def test_an_order_never_waits_behind_reads_of_its_own_meter_or_another() -> None:
    async with desk() as it:
        for meter in ("M1", "M2", "M1"):
            await it.reads.place(meter, ["clock"], source="me")
        limit = Wish("M1", Kind.SET_LIMIT, Decimal(3000), "W")
        submission = Submission("X", (limit,), any_day=True)
        now = it.reads.clock.now()
        await it.store.run(lambda tx: it.acceptance.accept(tx, submission, "t", at=now))

        def claim(tx: object, *, urgent: bool = False) -> int | None:
            found = tx.claim(  # type: ignore[attr-defined]
                "direct/10.1.2.0/24",
                worker="w",
                now=now,
                lease_until=now + timedelta(minutes=1),
                urgent=urgent,
            )
            return None if found is None else int(found.number)

        assert await it.store.run(claim) == 4, "the limit, though its meter's read came before"
        assert await it.store.run(lambda tx: claim(tx, urgent=True)) is None, "reads do not fill up"
        assert await it.store.run(claim) == 2, "a read of the other meter"
        assert await it.store.run(claim) is None, "M1 is being spoken with"


# By schedule.

PERIODS = {
    # name: (now, minutes, begin, end), the zone is Chile's
    "a quarter": ("2026-07-06T14:07:30Z", 15, "2026-07-06T14:00:00Z", "2026-07-06T14:15:00Z"),
    "its first moment": (
        "2026-07-06T14:15:00Z",
        15,
        "2026-07-06T14:15:00Z",
        "2026-07-06T14:30:00Z",
    ),
    "a day": ("2026-07-06T03:59:00Z", 1440, "2026-07-05T04:00:00Z", "2026-07-06T04:00:00Z"),
    "six hours": ("2026-07-06T15:00:00Z", 360, "2026-07-06T10:00:00Z", "2026-07-06T16:00:00Z"),
    # On 2026-09-06 the clocks go from 0:00 to 1:00: the day begins at 04:00Z and has 23 hours.
    "a short day": ("2026-09-06T20:00:00Z", 1440, "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"),
    # On 2026-04-05 they go back from 24:00 to 23:00 of the day before: 25 hours.
    "a long day": ("2026-04-05T03:30:00Z", 1440, "2026-04-05T03:00:00Z", "2026-04-05T04:00:00Z"),
}


@pytest.mark.parametrize("name", PERIODS)
def test_periods_are_counted_from_midnight(name: str) -> None:
    now, minutes, begin, end = PERIODS[name]
    found = period_of(datetime.fromisoformat(now), minutes, SANTIAGO)
    assert found == (datetime.fromisoformat(begin), datetime.fromisoformat(end))
    assert all(each.tzinfo is UTC for each in found)


def test_every_period_fits_a_day() -> None:
    assert all(1440 % minutes == 0 for minutes in MINUTES.values())


async def test_each_period_has_one_read_of_each_directly_reached_meter() -> None:
    schedule = ReadSchedule(model="sim-3p", objects=("clock", "active-power"), every="15min")
    async with desk() as it:
        for _ in range(3):  # the head-end starts anew, also within one period
            work = asyncio.create_task(Scheduling(it.reads, (schedule,), SANTIAGO).run())
            await asyncio.sleep(590)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        orders = await it.orders()
        assert [order.meter for order in orders] == ["M1", "M2"] * 2
        assert {order.priority for order in orders} == {SCHEDULED}
        first, *_, last = orders
        assert first.deadline == SIMULATED_START + timedelta(minutes=15)
        assert last.accepted_at == SIMULATED_START + timedelta(minutes=15)


async def test_a_schedule_of_no_object_is_told_and_ends_nothing() -> None:
    bad = ReadSchedule(model="sim-3p", objects=("flux",), every="1h")
    good = ReadSchedule(model="sim-3p", objects=("clock",), every="1h")
    async with desk() as it:
        work = asyncio.create_task(Scheduling(it.reads, (bad, good), SANTIAGO).run())
        await asyncio.sleep(1)
        assert not work.done()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert [order.objects[0].word for order in await it.orders()] == ["clock", "clock"]
