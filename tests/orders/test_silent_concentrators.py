"""A concentrator that is silent: who waits, who tries, what is told of it."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from headend.domain.order import State
from headend.domain.reason import ReasonCode
from headend.ports import Connectivity
from tests.orders.office import opened
from tests.orders.scripted_field import (
    NOT_SENT,
)
from tests.orders.states import seconds


async def test_the_breaker_holds_the_other_orders() -> None:
    async with opened(breaker_failures=3, breaker_rest_s=600.0, lane_width=1) as office:
        office.field.connected = Connectivity(False, office.clock.now())
        numbers = [await office.order(meter=f"M{n}") for n in range(1, 7)]
        await asyncio.sleep(300)
        tries = [(await office.tell(number)).tries for number in numbers]
        assert tries == [1, 1, 1, 0, 0, 0]
        assert any("leaves C1 alone" in line.cause for line in office.journal(6))
        office.field.connected = Connectivity(True)
        await office.life.hearing.came_online("C1", office.clock.now())
        came_s = seconds()
        for number in numbers:
            assert (await office.ended(number)).state is State.DONE
        assert seconds() - came_s < 60  # nobody waits for the rest to end
        await office.check()


async def test_a_wait_of_many_rests_is_told_once() -> None:
    async with opened(breaker_failures=1, breaker_rest_s=60.0, lane_width=1) as office:
        office.field.connected = Connectivity(False, office.clock.now())
        numbers = [await office.order(meter=f"M{n}") for n in range(1, 10)]
        await asyncio.sleep(3600)
        rests = 0
        for number in numbers:
            causes = [line.cause for line in office.journal(number)]
            waits = sum(cause.startswith("waits:") for cause in causes)
            rests += waits
            assert all(one != next_ for one, next_ in pairwise(causes)), causes
            assert waits <= (await office.tell(number)).tries + 1, causes
        assert rests > 0


async def test_a_wait_for_our_own_broker_is_told_once_and_so_is_its_end() -> None:
    async with opened() as office:
        office.field.broker_up = False
        number = await office.order()
        await asyncio.sleep(600)
        assert [line.cause for line in office.journal()][3:] == ["waits: our own broker is away"]
        office.field.broker_up = True
        assert (await office.ended(number)).state is State.DONE
        assert office.journal()[4].cause.startswith("sent to C1")


async def test_what_is_not_sent_is_counted_and_told() -> None:
    async with opened(tries_max=2) as office:
        office.field.connected = Connectivity(False, office.clock.now())
        order = await office.ended(await office.order())
        assert (order.state, order.reason) == (State.FAILED, ReasonCode.CONCENTRATOR_UNREACHABLE)
        assert office.field.commands == [] and order.commanded == 0
        assert [attempt.result for attempt in office.attempts()] == [
            "not sent: concentrator offline"
        ] * 2
        await office.check()


async def test_one_silent_concentrator_does_not_spend_all_orders_tries() -> None:
    async with opened() as office:
        office.field.script += [NOT_SENT] * 500
        numbers = [await office.order(meter=f"M{n}") for n in range(1, 10)]
        await asyncio.sleep(1800)
        assert len(office.field.commands) < 20
        orders = [await office.tell(number) for number in numbers]
        assert not all(order.final for order in orders)


async def test_a_trial_that_came_to_nothing_is_made_by_another() -> None:
    """The order that was to make the trial is cancelled just then."""
    async with opened(breaker_failures=1, breaker_rest_s=60.0, lane_width=1) as office:
        office.field.script += [NOT_SENT]
        first = await office.order(meter="M1")
        await asyncio.sleep(10)
        assert office.life.breaker.blocked_until("C1", office.clock.now()) is not None
        await asyncio.sleep(60)
        office.life.breaker.blocked_until("C1", office.clock.now())  # begins the trial, then dies
        assert (await office.ended(first, 600)).state is State.DONE
