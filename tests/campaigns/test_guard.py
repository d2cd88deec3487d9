"""The mass-disconnect guard, by whatever way disconnections come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from headend.access.desk import By
from headend.campaigns.starting import NotStarted, Wanted
from headend.campaigns.steering import NotSteered
from headend.chance import SeededChance
from headend.config import OrderPolicy
from headend.domain.account import Caller, Permission
from headend.domain.audit import AuditEntry
from headend.domain.audit import Outcome as Told
from headend.domain.calendar import WorkingDays
from headend.domain.campaign import CampaignState, Choice
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.orders.accept import Acceptance, Submission, Wish
from headend.orders.approve import NotSecond
from headend.orders.cutting import crowded, cuts, must_wait
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.store.store import SqlStore
from tests import databases
from tests.campaigns.depot import ANA, CUT, EVA, METERS, Depot, opened
from tests.conftest import SIMULATED_START

ONE_WATT = Wish("", Kind.SET_LIMIT, Decimal(1), "W")
MAY = frozenset({Permission.ORDER_APPROVE})
NOON = datetime(2026, 7, 6, 12, tzinfo=UTC)

CROWDED = {
    # minutes of the others, how many are allowed in an hour: whether one more at 0 is too many
    "nobody else": ([], 1, False),
    "none allowed": ([], 0, True),
    "one other, one allowed": ([-1], 1, True),
    "one other, two allowed": ([-1], 2, False),
    "two others within an hour": ([-30, -1], 2, True),
    "two others, of which no hour has all three": ([-31, 30], 2, False),
    "two others within an hour around": ([-29, 30], 2, True),
    "two others to come": ([1, 59], 2, True),
    "many before, many after, and never three in an hour": ([-59, 59], 2, False),
    "the hour is half open": ([-45, 15], 2, False),
}


@pytest.mark.parametrize("minutes, most, expected", CROWDED.values(), ids=CROWDED)
def test_an_hour_is_full(minutes: Sequence[int], most: int, expected: bool) -> None:
    near = [NOON + timedelta(minutes=each) for each in minutes]
    assert crowded(near, NOON, most) is expected


async def cut(depot: Depot, meters: Sequence[str] = METERS, **about: object) -> list[int]:
    """A message for each meter."""
    return [await depot.office.order(Kind.DISCONNECT, meter, **about) for meter in meters]  # type: ignore[arg-type]


def held(depot: Depot) -> list[str]:
    return [order.meter for order in depot.orders() if order.held]


async def audit(depot: Depot) -> list[AuditEntry]:
    return await depot.office.store.run(lambda tx: tx.security_lines(0, 100))


async def approve(depot: Depot, numbers: Sequence[int], by: Caller = EVA) -> None:
    def choose(tx: Transaction) -> list[Order]:
        return [order for number in numbers if (order := tx.order(number)) is not None]

    await depot.desk.approve_orders(choose, by, source="10.0.0.2")


async def test_many_messages_are_one_flood() -> None:
    async with opened(disconnects_per_hour=3) as depot:
        numbers = await cut(depot)
        assert held(depot) == list(METERS[3:])
        for number in numbers[:3]:
            assert (await depot.office.ended(number)).state is State.DONE
        await asyncio.sleep(1800)
        assert len(depot.office.field.effects) == 3
        waiting = await depot.office.tell(numbers[3])
        assert (waiting.state, waiting.held_at is None) == (State.QUEUED, False)
        assert depot.office.told(numbers[3]) == [], "its sender is not told of an end"
        (*_, last) = depot.office.journal(numbers[3])
        assert last.cause.startswith(
            "held: more than 3 disconnections or limits below 300 W an hour"
        )
        seen = [line for line in await audit(depot) if line.action == "supply.held"]
        assert len(seen) == 6 and {line.source for line in seen} == {"CIS"}


async def test_one_message_is_told_of_once() -> None:
    async with opened(disconnects_per_hour=3) as depot:
        wishes = tuple(replace(CUT, meter=meter) for meter in METERS)
        await depot.office.accept(Submission("CIS", wishes, "m"))
        assert held(depot) == list(METERS[3:])
        (line,) = [line for line in await audit(depot) if line.action == "supply.held"]
        assert (line.subject, line.outcome) == ("6 orders, 4 to 9", Told.SEEN)


async def test_the_hour_passes() -> None:
    async with opened(disconnects_per_hour=2) as depot:
        await cut(depot, METERS[:3])
        await asyncio.sleep(3610)
        await cut(depot, METERS[3:5])
        assert held(depot) == ["M3"]


async def test_cuts_put_off_to_one_time_count_for_that_time() -> None:
    async with opened(disconnects_per_hour=2) as depot:
        evening = depot.office.clock.now() + timedelta(hours=10)
        for meter in METERS[:4]:
            await cut(depot, [meter], start=evening)
            await asyncio.sleep(3610)
        assert held(depot) == ["M3", "M4"]


async def test_cuts_that_waited_for_their_concentrator_do_not_come_at_once() -> None:
    async with opened(disconnects_per_hour=2, deadline_s=48 * 3600.0) as depot:
        depot.office.field.broker_up = False
        for meter in METERS[:4]:
            await cut(depot, [meter])
            await asyncio.sleep(2000)
        assert held(depot) == []
        depot.office.field.broker_up = True
        await asyncio.sleep(1800)
        assert len(depot.office.field.effects) == 2 and len(held(depot)) == 2
        (order,) = [each for each in depot.orders() if each.meter == held(depot)[0]]
        assert (order.state, order.commanded) == (State.QUEUED, 0)


async def test_what_is_held_stands_in_nobodys_way() -> None:
    async with opened(disconnects_per_hour=0) as depot:
        await cut(depot, ["M1", "M2"])
        limit = await depot.office.order(Kind.SET_LIMIT, "M1")
        assert (await depot.office.ended(limit)).state is State.DONE
        back = await depot.office.order(Kind.CONNECT, "M2")
        assert (await depot.office.ended(back)).state is State.DONE
        ended = await depot.office.tell(2)
        assert (ended.state, ended.reason) == (State.CANCELLED, ReasonCode.SUPERSEDED)
        assert held(depot) == ["M1"]
        depot.office.life.lanes.wake(["C1"])
        assert (
            await depot.office.store.run(lambda tx: tx.hasten("C1", depot.office.clock.now())) == 0
        )
        now = depot.office.clock.now()
        assert not await depot.office.store.run(
            lambda tx: tx.hold_order(1, "job/1", now=now, until=now + timedelta(hours=1))
        )


async def test_a_second_person_lets_it_through_and_it_counts_no_more() -> None:
    async with opened(disconnects_per_hour=1) as depot:
        numbers = await cut(depot, METERS[:3])
        await approve(depot, numbers)
        for number in numbers:
            order = await depot.office.ended(number)
            assert order.state is State.DONE
        assert [order.approved_by for order in depot.orders()] == [None, "eva", "eva"]
        assert held(depot) == []
        lines = [line for line in await audit(depot) if line.action == Permission.ORDER_APPROVE]
        assert [(line.actor, line.outcome, line.detail) for line in lines] == [
            ("eva", Told.DONE, "approved: 2, 3")
        ]
        await asyncio.sleep(3600)
        await cut(depot, ["M4"])
        assert held(depot) == []


ALONE = {
    "the same account": ("ana", Caller("ana", MAY)),
    "the machine's user of that name": ("os:ana", Caller("ana", MAY)),
    "whatever its capitals": ("Ana", Caller("ana", MAY)),
    "somebody who may not": ("ana", Caller("eva", frozenset({Permission.ORDER_CUT}))),
}


@pytest.mark.parametrize("asked, by", ALONE.values(), ids=ALONE)
async def test_nobody_is_their_own_second_person(asked: str, by: Caller) -> None:
    async with opened(disconnects_per_hour=0) as depot:
        numbers = await cut(depot, ["M1", "M2"], source=asked)
        with pytest.raises(NotSecond):
            await approve(depot, numbers, by)
        assert held(depot) == ["M1", "M2"]
        (*_, line) = await audit(depot)
        assert (line.actor, line.action, line.outcome) == (
            by.account,
            "order.approve",
            Told.REFUSED,
        )


async def test_one_of_anothers_does_not_carry_ones_own() -> None:
    async with opened(disconnects_per_hour=0) as depot:
        numbers = [*await cut(depot, ["M1"], source="ana"), *await cut(depot, ["M2"], source="eva")]
        with pytest.raises(NotSecond):
            await approve(depot, numbers)
        assert held(depot) == ["M1", "M2"]


async def test_what_is_refused_ends_with_a_reason_of_its_own() -> None:
    async with opened(disconnects_per_hour=0) as depot:
        (number,) = await cut(depot, ["M1"])

        def choose(tx: Transaction) -> list[Order]:
            order = tx.order(number)
            assert order is not None
            return [order]

        await depot.desk.refuse_orders(choose, EVA, source="10.0.0.2")
        ended = await depot.office.tell(number)
        assert (ended.state, ended.reason) == (State.CANCELLED, ReasonCode.APPROVAL_REFUSED)
        (reply,) = depot.office.told(number)
        assert reply.reason is not None and reply.reason.cim == "6.1"
        assert reply.reason.details.startswith("DESCONEXION_RECHAZADA: ")
        again = await depot.desk.refuse_orders(choose, EVA, source="10.0.0.2")
        assert (again.done, [order.number for order in again.not_held]) == ((), [number])


async def test_what_nobody_approves_ends_at_its_deadline() -> None:
    async with opened(disconnects_per_hour=0) as depot:
        (number,) = await cut(depot, ["M1"])
        ended = await depot.office.ended(number)
        assert (ended.state, ended.reason) == (State.EXPIRED, ReasonCode.NOT_APPROVED)
        assert ended.ended_at == ended.deadline
        assert depot.office.field.commands == []


async def test_a_campaign_waits_for_a_second_person_and_goes_on_to_its_end() -> None:
    async with opened(disconnects_per_hour=2) as depot:
        await depot.begin(CUT, plan={"waves": ("4", "100%")})
        found = await depot.until(lambda each: each.total.done == 2)
        assert (found.held, found.total.under_way, found.total.waiting) == (2, 2, 5)
        for wrong in (Caller("ana", MAY), Caller("eva", frozenset())):
            with pytest.raises(NotSecond):
                await depot.desk.approve(1, wrong, source="10.0.0.2")
        await depot.desk.approve(1, EVA, source="10.0.0.2")
        found = await depot.ended()
        assert (found.total.done, found.campaign.approved_by) == (9, "eva")
        assert len(depot.office.field.effects) == 9
        with pytest.raises(NotSteered):
            await depot.desk.approve(1, EVA, source="10.0.0.2")


async def test_a_campaign_that_is_refused_is_cancelled() -> None:
    async with opened(disconnects_per_hour=2) as depot:
        await depot.begin(CUT, plan={"waves": ("4", "100%")})
        await depot.until(lambda each: each.total.done == 2)
        await depot.desk.refuse(1, EVA, source="10.0.0.2")
        found = await depot.ended(state=CampaignState.CANCELLED)
        assert (found.total.done, found.total.failed, found.total.withdrawn) == (2, 2, 5)
        assert found.reasons == {ReasonCode.APPROVAL_REFUSED: 2}


async def test_a_campaign_of_limits_needs_nobody() -> None:
    async with opened(disconnects_per_hour=0) as depot:
        await depot.begin()
        with pytest.raises(NotSteered, match="needs no second person"):
            await depot.desk.approve(1, EVA, source="10.0.0.2")
        assert (await depot.ended()).total.done == 9


LEAVES_NOTHING = {
    # amount, unit, watts below which a limit counts: whether it takes the supply away
    "one watt": ("1", "W", 300, True),
    "just below": ("299.9", "W", 300, True),
    "as much as leaves something": ("300", "W", 300, False),
    "half a kilowatt": ("0.5", "kW", 300, False),
    "a quarter of a kilowatt": ("0.25", "kW", 300, True),
    "apparent power": ("299", "VA", 300, True),
    "one ampere at 220 V": ("1", "A", 300, True),
    "two amperes": ("2", "A", 300, False),
    "where no limit counts": ("1", "W", 0, False),
}


@pytest.mark.parametrize(
    "amount, unit, least_w, expected", LEAVES_NOTHING.values(), ids=LEAVES_NOTHING
)
def test_a_limit_that_leaves_nothing_is_a_cut(
    amount: str, unit: str, least_w: int, expected: bool
) -> None:
    policy = OrderPolicy(cutting_limit_w=least_w)
    assert cuts(Kind.SET_LIMIT, Decimal(amount), unit, policy) is expected
    assert cuts(Kind.DISCONNECT, None, None, policy)
    assert not cuts(Kind.REMOVE_LIMIT, None, None, policy)


async def test_an_emergency_of_one_watt_is_a_flood() -> None:
    async with opened(disconnects_per_hour=3) as depot:
        await depot.begin(ONE_WATT, emergency=True)
        found = await depot.until(lambda each: each.total.done == 3)
        assert (found.held, found.total.under_way) == (6, 6)
        with pytest.raises(NotSecond):
            await depot.desk.approve(1, Caller("ana", MAY), source="10.0.0.2")
        await depot.desk.approve(1, EVA, source="10.0.0.2")
        assert (await depot.ended()).total.done == 9


async def test_a_campaign_of_one_watt_is_started_by_an_account() -> None:
    async with opened() as depot:
        wanted = Wanted(ONE_WATT, Choice(METERS), emergency=True)
        with pytest.raises(NotStarted, match="an account"):
            await depot.desk.start(wanted, By("os:ana", "local"))


async def test_single_limits_and_disconnections_are_one_flood() -> None:
    async with opened(disconnects_per_hour=1) as depot:
        await cut(depot, ["M1"])
        await depot.office.order(Kind.SET_LIMIT, "M2", amount=1)
        await depot.office.order(Kind.SET_LIMIT, "M3", amount=500)
        assert held(depot) == ["M2"]
        later = await depot.office.order(Kind.SET_LIMIT, "M2", amount=3000)
        assert (await depot.office.ended(later)).state is State.DONE
        ended = await depot.office.tell(2)
        assert (ended.state, ended.reason) == (State.CANCELLED, ReasonCode.SUPERSEDED)


async def test_a_changed_limit_is_weighed_anew() -> None:
    """Ordered at 3 kW, changed to 1 W; and the other way, after which nobody need approve it."""
    async with opened(disconnects_per_hour=0) as depot:
        office, later = depot.office, depot.office.clock.now() + timedelta(minutes=30)
        first = await office.order(Kind.SET_LIMIT, "M1", start=later)
        assert held(depot) == []
        await office.change(1, number=first)
        assert held(depot) == ["M1"]
        seen = [line for line in await audit(depot) if line.action == "supply.held"]
        assert [line.subject for line in seen] == ["order 1"]
        await approve(depot, [first])
        await office.change(2, number=first)
        assert held(depot) == ["M1"], "another limit was approved"
        await office.change(3000, number=first)
        assert held(depot) == []
        assert (await office.ended(first)).state is State.DONE


async def test_the_end_of_a_limit_puts_back_what_was_approved() -> None:
    """The meter had 200 W; two hours of 3 kW end by giving it 200 W again."""
    async with opened(disconnects_per_hour=0) as depot:
        at = depot.office.clock.now()
        limit = Order(
            1, "t", "CIS", "M1", Kind.SET_LIMIT, at, at, at, at, amount=Decimal(200), unit="W"
        )
        policy = OrderPolicy(disconnects_per_hour=0)
        for order, waits in ((limit, True), (replace(limit, restores=7), False)):
            weighed = await depot.office.store.run(
                lambda tx, each=order: must_wait(tx, each, at, policy)  # type: ignore[misc]
            )
            assert weighed is waits


async def test_several_campaigns_and_messages_share_one_hour() -> None:
    async with opened(disconnects_per_hour=3) as depot:
        await depot.begin(CUT, METERS[:2])
        await depot.desk.pause(1, ANA)
        await depot.desk.resume(1, By("bea", "10.0.0.3"))
        await depot.begin(CUT, METERS[2:4])
        await depot.until(lambda each: each.campaign.ended_at is not None)
        await cut(depot, METERS[4:6])
        await asyncio.sleep(60)
        assert len(depot.office.field.effects) == 3 and len(held(depot)) == 3


def test_workers_that_accept_at_once_let_no_more_through(tmp_path: Path) -> None:
    """Ten messages at each of two workers: five go through, whoever's they are."""
    url = databases.at(tmp_path / "ami.db")
    policy = OrderPolicy(disconnects_per_hour=5)

    async def flood() -> list[bool]:
        stores = [SqlStore(url, live=True) for _ in range(2)]

        def register(tx: Transaction) -> None:
            tx.put_concentrators([Concentrator("C1")])
            tx.put_meters(Meter(f"M{n}", "C1", commissioned=True) for n in range(20))

        await stores[0].run(register)
        taken = []
        for number in range(20):
            chance = SeededChance(1, "guard", number)
            settling = Settling(chance, policy, lambda: None)
            days = WorkingDays(UTC, frozenset())
            counter = Acceptance(policy, days, settling, lambda lanes: None)
            asked = Submission("CIS", (Wish(f"M{number}", Kind.DISCONNECT),), f"m{number}")
            taken.append(
                stores[number % 2].run(
                    lambda tx, c=counter, a=asked, n=number: c.accept(  # type: ignore[misc]
                        tx, a, f"t{n}", at=SIMULATED_START
                    )
                )
            )
        accepted = await asyncio.gather(*taken)
        for store in stores:
            await store.close()
        return [order.held for each in accepted for order in each.orders]

    assert sorted(asyncio.run(flood())) == [False] * 5 + [True] * 15
