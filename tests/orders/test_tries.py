"""Tries of an order: which are made again, which are the last, which are none."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from headend.domain.order import State
from headend.domain.reason import ReasonCode
from protocols.concentrator.messages import Status
from tests.conftest import SIMULATED_START
from tests.orders.office import opened
from tests.orders.scripted_field import (
    BUSY,
    NOT_SENT,
    UNREACHABLE,
    Say,
)
from tests.orders.states import DISPATCHED, QUEUED, SENT, TAKEN_IN


async def test_an_order_succeeds() -> None:
    async with opened() as office:
        order = await office.ended(await office.order(amount=3450))
        assert (order.state, order.reason, order.tries) == (State.DONE, None, 1)
        assert order.value_read is not None and order.value_read.limit == Decimal(3450)
        assert office.states() == [*TAKEN_IN, *SENT, State.DONE]
        (attempt,) = office.attempts()
        assert attempt.ended_at == attempt.started_at + timedelta(seconds=2)
        reply, event = office.told()
        assert (reply.kind, event.kind, reply.ok) == ("reply", "event", True)
        assert len(office.field.receipted) == 1
        await office.check()


async def test_a_try_that_fails_is_made_again() -> None:
    async with opened() as office:
        office.field.script += [UNREACHABLE, NOT_SENT]
        order = await office.ended(await office.order())
        assert (order.state, order.tries, len(office.field.effects)) == (State.DONE, 3, 1)
        times = [at for at, _ in office.field.commands]
        assert 15 <= times[1] - times[0] - 2 <= 45 and 30 <= times[2] - times[1] <= 90
        assert office.states() == [*TAKEN_IN, *SENT, QUEUED, DISPATCHED, QUEUED, *SENT, State.DONE]
        await office.check()


async def test_tries_come_to_an_end() -> None:
    async with opened(tries_max=3) as office:
        office.field.script += [UNREACHABLE] * 5
        order = await office.ended(await office.order())
        assert (order.state, order.reason) == (State.FAILED, ReasonCode.NO_ANSWER_UNKNOWN)
        assert (order.tries, len(office.field.commands)) == (3, 3)
        (reply,) = office.told()
        assert reply.reason is not None and reply.reason.crew and not reply.ok
        await office.check()


FINAL_ANSWERS = {
    # what the concentrator reports: the reason
    Status.NOT_IN_TABLE: ReasonCode.NOT_IN_TABLE,
    Status.UNREPRESENTABLE: ReasonCode.LIMIT_NOT_REPRESENTABLE,
    Status.EMERGENCY: ReasonCode.EMERGENCY_ACTIVE,
    Status.KEY_REJECTED: ReasonCode.WRONG_KEY_OR_COUNTER,
    Status.REFUSED: ReasonCode.REFUSED_OTHER,
}


@pytest.mark.parametrize("status", FINAL_ANSWERS)
async def test_what_no_other_try_can_help_is_not_tried_again(status: Status) -> None:
    async with opened() as office:
        office.field.script += [Say(status)]
        order = await office.ended(await office.order())
        assert (order.state, order.reason) == (State.FAILED, FINAL_ANSWERS[status])
        assert len(office.field.commands) == 1
        await office.check()


async def test_busy_is_no_try() -> None:
    async with opened(tries_max=1) as office:
        office.field.script += [BUSY] * 4
        order = await office.ended(await office.order())
        assert (order.state, order.tries, order.attempts) == (State.DONE, 1, 5)
        await office.check()


async def test_a_broker_of_ours_that_is_away_costs_no_try() -> None:
    async with opened(tries_max=1, breaker_failures=1) as office:
        office.field.broker_up = False
        number = await office.order()
        await asyncio.sleep(600)
        waiting = await office.tell(number)
        assert (waiting.state, waiting.tries, waiting.reason) == (State.QUEUED, 0, None)
        office.field.broker_up = True
        assert (await office.ended(number)).state is State.DONE
        await office.check()


async def test_whoever_stays_busy_is_the_reason_at_the_deadline() -> None:
    async with opened() as office:
        office.field.script += [BUSY] * 1000
        deadline = SIMULATED_START + timedelta(minutes=10)
        order = await office.ended(await office.order(deadline=deadline))
        assert (order.state, order.reason) == (State.FAILED, ReasonCode.CONCENTRATOR_BUSY)
        assert order.ended_at == deadline
        await office.check()
