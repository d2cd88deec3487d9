"""Campaigns over a scripted field, in simulated time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from headend.access.desk import By
from headend.campaigns.starting import NotStarted, Wanted, wish_with
from headend.campaigns.steering import NotSteered
from headend.domain.campaign import (
    EMERGENCY_PRIORITY,
    CampaignState,
    Choice,
    MemberState,
    Tally,
)
from headend.domain.order import Kind, State
from headend.domain.reason import ReasonCode
from headend.orders.accept import Wish
from headend.ports import Connectivity
from tests.campaigns.depot import ANA, CUT, LIMIT, METERS, opened
from tests.conftest import SIMULATED_START

RUNNING, PAUSED, STOPPED = CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.STOPPED


async def test_every_meter_gets_one_order_wave_after_wave() -> None:
    async with opened() as depot:
        await depot.begin(plan={"waves": ("2", "100%")}, note="summer")
        found = await depot.ended()
        assert found.waves == (Tally(1, done=2), Tally(2, done=7))
        for meter in METERS:
            (order,) = depot.orders_of(meter)
            assert (order.state, order.amount, order.source) == (State.DONE, 2000, "ana")
        first = max(depot.orders_of(meter)[0].ended_at or SIMULATED_START for meter in METERS[:2])
        second = min(depot.orders_of(meter)[0].accepted_at for meter in METERS[2:])
        assert first <= second
        assert await depot.story() == [
            "set-limit for 9 meters: 9 meters by name",
            "wave 1 begins: 2 meters",
            "wave 2 begins: 7 meters",
            "ended: 9 done, 0 failed",
        ]


async def test_a_pace_bounds_what_is_under_way() -> None:
    async with opened() as depot:
        await depot.begin(plan={"pace": 2})
        most = 0
        while (found := await depot.progress()).campaign.ended_at is None:
            most = max(most, found.total.under_way)
            await asyncio.sleep(0.5)
        assert most == 2 and found.total.done == 9


async def test_it_stops_itself_and_a_person_lets_it_go_on() -> None:
    async with opened("M1", "M2") as depot:
        await depot.begin(plan={"waves": ("3", "100%")})
        found = await depot.until(lambda each: each.campaign.state is STOPPED)
        assert found.waves == (Tally(1, done=1, failed=2), Tally(2, waiting=6))
        assert found.reasons == {ReasonCode.NOT_IN_TABLE: 2}
        assert found.campaign.why == (
            "2 of 3 failed in wave 1, more than 20% (not-in-concentrator-table 2)"
        )
        await asyncio.sleep(3600)
        assert (await depot.progress()).waves == found.waves
        await depot.desk.resume(1, ANA)
        found = await depot.ended()
        assert found.total == Tally(0, done=7, failed=2, pardoned=2)


async def test_what_failed_is_tried_again() -> None:
    async with opened("M1", "M2") as depot:
        await depot.begin(plan={"stop_share": 0.5})
        found = await depot.ended()
        assert (found.total.done, found.total.failed) == (7, 2)
        depot.gone.clear()
        await depot.desk.retry(1, ANA)
        found = await depot.ended()
        assert found.waves == (Tally(1, done=7), Tally(2, done=2))
        assert [len(depot.orders_of(meter)) for meter in METERS] == [2, 2, *[1] * 7]
        with pytest.raises(NotSteered, match="no meter of campaign 1 has failed"):
            await depot.desk.retry(1, ANA)


async def test_pausing_loses_nothing() -> None:
    async with opened() as depot:
        await depot.begin(plan={"pace": 2})
        await depot.until(lambda each: each.total.done >= 2)
        await depot.desk.pause(1, ANA, "lunch")
        found = await depot.until(lambda each: not each.total.under_way)
        assert (found.campaign.state, found.campaign.why) == (PAUSED, "lunch")
        await asyncio.sleep(3600)
        assert (await depot.progress()).waves == found.waves and found.total.waiting
        with pytest.raises(NotSteered, match="pausing it changes nothing"):
            await depot.desk.pause(1, ANA)
        await depot.desk.resume(1, ANA)
        assert (await depot.ended()).total.done == 9
        assert all(len(depot.orders_of(meter)) == 1 for meter in METERS)


async def test_cancelling_withdraws_what_was_not_sent() -> None:
    async with opened() as depot:
        depot.office.field.connected = Connectivity(False)
        depot.office.field.broker_up = False
        await depot.begin(plan={"pace": 4})
        await depot.until(lambda each: each.total.under_way == 4)
        await depot.desk.cancel(1, ANA, "false alarm")
        found = await depot.ended(state=CampaignState.CANCELLED)
        assert found.total == Tally(0, withdrawn=9)
        assert depot.office.field.commands == []
        assert {order.reason for order in depot.orders()} == {ReasonCode.CANCELLED}
        for word in (depot.desk.resume, depot.desk.pause, depot.desk.cancel, depot.desk.retry):
            with pytest.raises(NotSteered):
                await word(1, ANA)


async def test_an_emergency_goes_first_and_ends_by_itself() -> None:
    until = SIMULATED_START + timedelta(hours=2)
    async with opened(lane_width=1) as depot:
        depot.office.field.broker_up = False
        single = await depot.office.order(Kind.CONNECT, "M9")
        await depot.begin(replace(LIMIT, until=until), emergency=True)
        await depot.until(lambda each: each.total.under_way == 9)
        depot.office.field.broker_up = True
        found = await depot.ended()
        assert found.total.done == 9 and found.campaign.any_day
        firsts = [command.order for _, command in depot.office.field.commands]
        limits = depot.orders(kinds=[Kind.SET_LIMIT])
        assert {order.priority for order in limits} == {EMERGENCY_PRIORITY}
        # M9's own earlier order stands in its lane's way for M9 alone.
        assert firsts.index(single) >= 8
        await asyncio.sleep((until - depot.office.clock.now()).total_seconds() + 600)
        limits = [meter.limit for meter in depot.office.field.meters.values()]
        assert limits == [Decimal(99_999)] * 9


async def test_loads_are_switched_off_and_come_back() -> None:
    until = SIMULATED_START + timedelta(hours=2)
    async with opened() as depot:
        await depot.begin(Wish("", Kind.LOAD_OFF, until=until))
        assert (await depot.ended()).total.done == 9
        loads = [meter.load_on for meter in depot.office.field.meters.values()]
        assert loads == [False] * 9
        await asyncio.sleep((until - depot.office.clock.now()).total_seconds() + 600)
        assert all(meter.load_on for meter in depot.office.field.meters.values())


async def test_a_meter_that_may_not_is_a_failure_with_its_reason() -> None:
    async with opened() as depot:
        await depot.begin(replace(LIMIT, amount=Decimal(10_001)), meters=("M1", "M-unlinked"))
        found = await depot.ended()
        assert found.reasons == {ReasonCode.LIMIT_OUT_OF_RANGE: 1, ReasonCode.NOT_LINKED: 1}


async def test_a_read_resolves_its_words_for_each_meter() -> None:
    async with opened() as depot:
        await depot.begin(Wish("", Kind.READ), words=("active-energy-import",), meters=("M1", "M2"))
        await depot.until(lambda each: each.total.under_way == 2)
        objects = {order.objects for order in depot.orders(kinds=[Kind.READ])}
        ((wanted,),) = objects
        assert wanted.word == "active-energy-import"
        await depot.desk.cancel(1, ANA)


async def test_too_many_waiting_orders_only_delay_it() -> None:
    async with opened(waiting_max=3) as depot:
        await depot.begin(plan={"pace": 3})
        assert (await depot.ended()).total.done == 9


async def test_meters_meant_are_those_of_the_beginning() -> None:
    async with opened() as depot:
        number = (
            await depot.desk.start(Wanted(LIMIT, Choice(concentrator="C1"), note="x"), ANA)
        ).number
        assert (await depot.progress(number)).campaign.size == 9


REFUSED: dict[str, tuple[Wanted, By, str]] = {
    "no choice": (Wanted(LIMIT, Choice()), ANA, "no-choice"),
    "unknown meters": (Wanted(LIMIT, Choice(("M1", "X", "Y"))), ANA, "unknown-meters"),
    "unknown place": (Wanted(LIMIT, Choice(place="T")), ANA, "no-such-place"),
    "nobody fits": (Wanted(LIMIT, Choice(model="none")), ANA, "no-meters"),
    "a limit without an amount": (
        Wanted(Wish("", Kind.SET_LIMIT), Choice(("M1",))), ANA, "wrong-campaign"
    ),
    "an amount without a limit": (
        Wanted(replace(CUT, amount=Decimal(1)), Choice(("M1",))), ANA, "wrong-campaign"
    ),
    "a read of nothing": (Wanted(Wish("", Kind.READ), Choice(("M1",))), ANA, "wrong-campaign"),
    "a read of what no model has": (
        Wanted(Wish("", Kind.READ), Choice(("M1",)), words=("moon",)), ANA, "wrong-campaign"
    ),
    "a kind without what it takes": (
        Wanted(Wish("", Kind.UPDATE_FIRMWARE), Choice(("M1",))), ANA, "wrong-campaign"
    ),
    "an end that is past": (
        Wanted(replace(LIMIT, until=SIMULATED_START), Choice(("M1",))), ANA, "wrong-campaign"
    ),
    "an end of a disconnection": (
        Wanted(replace(CUT, until=SIMULATED_START + timedelta(days=1)), Choice(("M1",))), ANA,
        "wrong-campaign",
    ),
    "cuts by nobody's account": (
        Wanted(CUT, Choice(("M1",))), By("os:root", "command"), "no-account"
    ),
}  # fmt: skip


@pytest.mark.parametrize("wanted, by, code", REFUSED.values(), ids=REFUSED)
async def test_what_cannot_begin(wanted: Wanted, by: By, code: str) -> None:
    async with opened() as depot:
        with pytest.raises(NotStarted) as refused:
            await depot.desk.start(wanted, by)
        assert refused.value.code == code
        assert await depot.office.store.run(lambda tx: tx.campaigns_going_on()) == []


async def test_several_workers_give_each_meter_one_order() -> None:
    async with opened() as depot:
        others = [depot.worker(number)[0] for number in (7, 8)]
        await depot.begin(plan={"waves": ("4", "100%")})
        async with asyncio.TaskGroup() as group:
            for other in others:
                group.create_task(other.advance())
        await depot.ended()
        assert all(len(depot.orders_of(meter)) == 1 for meter in METERS)


@pytest.mark.parametrize("after_s", [0.0, 1.0, 2.5, 7.0, 12.0, 20.0])
async def test_a_process_that_dies_loses_and_doubles_nothing(after_s: float) -> None:
    async with opened("M5") as depot:
        await depot.begin(plan={"waves": ("3", "100%"), "pace": 3})
        await asyncio.sleep(after_s)
        await depot.crash()
        await asyncio.sleep(30)
        depot.start()
        found = await depot.ended()
        assert (found.total.done, found.total.failed) == (8, 1)
        assert all(len(depot.orders_of(meter)) == 1 for meter in METERS)
        assert await depot.members(MemberState.WITHDRAWN) == 0


def test_a_kind_of_its_own_needs_no_words_here() -> None:
    """What one kind alone takes travels by its name, checked by its type."""
    at = datetime(2026, 7, 7, 3, tzinfo=UTC)
    said = {"image": "ab" * 32, "activate_at": "2026-07-07T03:00:00Z"}
    wish = wish_with(Kind.UPDATE_FIRMWARE, detail=said)
    assert wish == Wish("", Kind.UPDATE_FIRMWARE, image="ab" * 32, activate_at=at)
    for wrong in ({"activate_at": "soon"}, {"meter": "M1"}, {"priority": 1}, {"colour": "red"}):
        with pytest.raises(NotStarted):
            wish_with(Kind.UPDATE_FIRMWARE, detail=wrong)
