"""Deadlines and working days of an order, in the queue and under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from headend.domain.order import State
from headend.domain.reason import ReasonCode
from headend.orders import lanes
from protocols.concentrator.messages import Status
from tests.conftest import SIMULATED_START
from tests.orders.office import Office, opened
from tests.orders.scripted_field import (
    UNREACHABLE,
    Say,
)
from tests.orders.states import QUEUED, SANTIAGO


async def test_a_deadline_that_comes_in_the_queue() -> None:
    async with opened() as office:
        deadline = SIMULATED_START + timedelta(minutes=30)
        start = SIMULATED_START + timedelta(minutes=30)
        order = await office.ended(await office.order(start=start, deadline=deadline))
        assert (order.state, order.reason) == (State.EXPIRED, ReasonCode.EXPIRED)
        assert office.field.commands == []
        await office.check()


async def test_a_deadline_leaves_its_reason() -> None:
    async with opened(tries_max=100) as office:
        office.field.script += [UNREACHABLE] * 100
        deadline = SIMULATED_START + timedelta(hours=2)
        order = await office.ended(await office.order(deadline=deadline))
        assert (order.state, order.reason) == (State.FAILED, ReasonCode.NO_ANSWER_UNKNOWN)
        assert order.ended_at is not None and order.ended_at <= deadline
        assert all(command.not_after <= deadline for _, command in office.field.commands)
        await office.check()


async def test_a_command_that_came_too_late_expires() -> None:
    async with opened() as office:
        office.field.script += [Say(Status.STALE)] * 1000
        deadline = SIMULATED_START + timedelta(minutes=5)
        order = await office.ended(await office.order(deadline=deadline))
        assert (order.state, order.reason) == (State.EXPIRED, ReasonCode.EXPIRED)
        await office.check()


@asynccontextmanager
async def friday_evening() -> AsyncIterator[Office]:
    """An office that opens on Friday the 10th, 23:58 in Santiago, which is UTC-4 in July."""
    friday = SIMULATED_START + timedelta(days=5, hours=3, minutes=58)
    assert friday.astimezone(SANTIAGO).strftime("%A %H:%M") == "Friday 23:58"
    await asyncio.sleep((friday - SIMULATED_START).total_seconds())
    async with opened(zone=SANTIAGO) as office:
        yield office


async def test_a_retry_of_friday_night_waits_for_monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "POLL_S", 600.0)  # a long weekend
    async with friday_evening() as office:
        office.field.script += [UNREACHABLE] * 3
        deadline = office.clock.now() + timedelta(days=4)
        number = await office.order(deadline=deadline)
        await asyncio.sleep(24 * 3600)
        saturday = await office.tell(number)
        assert saturday.state is QUEUED
        days = {_local_day(office, at) for at, _ in office.field.commands}
        assert days == {"Friday"}
        assert (await office.ended(number, 4 * 24 * 3600)).state is State.DONE
        assert {_local_day(office, at) for at, _ in office.field.commands} == {"Friday", "Monday"}
        await office.check()


async def test_a_retry_of_friday_night_without_a_working_day_left_fails() -> None:
    async with friday_evening() as office:
        office.field.script += [UNREACHABLE] * 5
        order = await office.ended(await office.order())
        assert (order.state, order.reason) == (State.FAILED, ReasonCode.OUTSIDE_WORKING_DAYS)
        await office.check()


async def test_no_command_may_act_after_friday_s_midnight() -> None:
    async with friday_evening() as office:
        bound = await office.order(meter="M1")
        free = await office.order(meter="M2", any_day=True)
        await office.ended(bound)
        await office.ended(free)
        (_, first), (_, second) = office.field.commands
        midnight = SIMULATED_START + timedelta(days=5, hours=4)
        assert (first.not_after, second.not_after) == (midnight, midnight + timedelta(minutes=3))


async def test_on_a_saturday_an_order_is_refused_unless_it_may() -> None:
    async with friday_evening() as office:
        await asyncio.sleep(600)
        refused = await office.tell(await office.order())
        assert (refused.state, refused.reason) == (
            State.REJECTED, ReasonCode.OUTSIDE_WORKING_DAYS,
        )  # fmt: skip
        assert (await office.ended(await office.order(any_day=True))).state is State.DONE
        await office.check()


def _local_day(office: Office, at_s: float) -> str:
    return (SIMULATED_START + timedelta(seconds=at_s)).astimezone(SANTIAGO).strftime("%A")
