"""Orders for one who is away: they go on until their deadline, and hear of a return."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from headend.config import OrderPolicy
from headend.domain.order import State
from headend.domain.reason import AWAY, REASONS, ReasonCode
from headend.orders.conclusion import ANSWERED_TRIES_MAX
from protocols.concentrator.messages import Refusal, Status
from tests.conftest import SIMULATED_START
from tests.orders.office import opened
from tests.orders.scripted_field import UNREACHABLE, Say

TEMPORARY = Say(
    Status.REFUSED, extra={"refusal": Refusal(service="set", code=2, name="temporary-failure")}
)


def test_who_is_away_is_worth_another_try():
    assert all(REASONS[reason].retry for reason in AWAY)


async def test_an_order_goes_on_until_its_deadline():
    """And its last try is not long before: the rests shrink with the time that is left."""
    async with opened() as office:
        office.field.script += [UNREACHABLE] * 1000
        deadline = SIMULATED_START + timedelta(hours=2)
        order = await office.ended(await office.order(deadline=deadline))
        assert (order.state, order.reason) == (State.FAILED, ReasonCode.NO_ANSWER_UNKNOWN)
        assert order.ended_at is not None
        assert timedelta(0) <= deadline - order.ended_at < timedelta(seconds=60)
        times = [at for at, _ in office.field.commands]
        rests = [after - before for before, after in pairwise(times)]
        assert len(times) > 20 and max(rests) <= 1.5 * OrderPolicy().away_rest_max_s + 2
        await office.check()


async def test_one_that_is_back_after_hours_is_served():
    async with opened() as office:
        office.field.script += [UNREACHABLE] * 30
        order = await office.ended(await office.order())
        assert (order.state, order.tries, len(office.field.effects)) == (State.DONE, 31, 1)
        await office.check()


async def test_what_a_meter_answers_ends_the_tries():
    async with opened() as office:
        office.field.script += [TEMPORARY] * 100
        order = await office.ended(await office.order())
        assert (order.state, order.tries) == (State.FAILED, ANSWERED_TRIES_MAX)
        assert order.reason is ReasonCode.REFUSED_TEMPORARY_FAILURE
        await office.check()


async def test_its_absence_leaves_a_meter_its_tries():
    """Twenty tries at one who was away are none of those at one who answers."""
    async with opened() as office:
        office.field.script += [UNREACHABLE] * 20 + [TEMPORARY] * 2
        order = await office.ended(await office.order())
        assert (order.state, len(office.field.commands)) == (State.DONE, 23)
        await office.check()


@pytest.mark.parametrize("meter, hastened", [("M1", True), ("M2", False)])
async def test_a_module_that_comes_back_hastens_its_own_meters_orders(meter, hastened):
    async with opened() as office:
        office.field.script += [UNREACHABLE] * 9
        number = await office.order(meter="M1")
        while len(office.field.commands) < 9:
            await asyncio.sleep(1)
        await asyncio.sleep(5)
        before = office.clock.now()
        await office.life.hearing.meter_reachable("C1", meter)
        await asyncio.sleep(10)
        order = await office.tell(number)
        assert (order.state is State.DONE) is hastened
        if hastened:
            assert order.ended_at is not None and order.ended_at - before < timedelta(seconds=10)
        await office.ended(number)
        await office.check()
