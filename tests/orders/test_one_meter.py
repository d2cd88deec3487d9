"""The orders of one meter: one at a time, superseded, bounded in time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from headend.domain.order import Kind, State
from headend.domain.reason import ReasonCode
from tests.conftest import SIMULATED_START
from tests.orders.office import opened
from tests.orders.scripted_field import (
    NO_WORD,
    UNREACHABLE,
    Say,
)
from tests.orders.states import QUEUED


async def test_a_meter_s_orders_run_one_after_the_other_as_they_came() -> None:
    async with opened() as office:
        office.field.script += [UNREACHABLE, Say(), Say(after_s=60), Say(after_s=1)]
        numbers = [await office.order(amount=1000 * n) for n in (1, 2, 3)]
        other = await office.order(meter="M2")
        assert (await office.ended(other, 30)).state is State.DONE  # not behind M1's
        ends = [(await office.ended(number)).ended_at for number in numbers]
        assert ends == sorted(ends, key=str)
        assert [command.order for _, command in office.field.commands if command.meter == "M1"] == [
            1, 1, 2, 3,
        ]  # fmt: skip
        assert office.field.meter("M1").limit == 3000
        await office.check()


async def test_a_lane_takes_so_many_at_once() -> None:
    async with opened(lane_width=2) as office:
        office.field.script += [Say(after_s=100)] * 9
        for n in range(1, 10):
            await office.order(meter=f"M{n}")
        await asyncio.sleep(250)
        begun = [at for at, _ in office.field.commands]
        assert begun == [0, 0, 100, 100, 200, 200]


async def test_a_limit_goes_before_a_disconnect() -> None:
    async with opened(lane_width=1) as office:
        office.field.script += [Say(after_s=60)]
        await office.order(meter="M1")
        await asyncio.sleep(1)
        cut = await office.order(Kind.DISCONNECT, meter="M2")
        limit = await office.order(meter="M3")
        await office.ended(cut)
        assert [command.order for _, command in office.field.commands] == [1, limit, cut]


async def test_a_connect_supersedes_a_disconnect_that_waits() -> None:
    async with opened() as office:
        office.field.script += [UNREACHABLE]
        cut = await office.order(Kind.DISCONNECT)
        await asyncio.sleep(5)  # tried once, and waits
        back = await office.order(Kind.CONNECT)
        superseded = await office.tell(cut)
        assert (superseded.state, superseded.reason) == (State.CANCELLED, ReasonCode.SUPERSEDED)
        assert (await office.ended(back)).state is State.DONE
        assert [command.order for _, command in office.field.commands] == [cut, back]
        await office.check()


async def test_a_connect_does_not_supersede_a_disconnect_that_was_sent() -> None:
    async with opened() as office:
        office.field.script += [Say(after_s=60)]
        cut = await office.order(Kind.DISCONNECT)
        await asyncio.sleep(5)
        back = await office.order(Kind.CONNECT)
        assert (await office.ended(cut)).state is State.DONE
        assert (await office.ended(back)).state is State.DONE
        assert office.field.meter("M1").supply_on
        await office.check()


@pytest.mark.parametrize("earlier", [None, 5000])
async def test_a_bounded_limit_ends_by_itself(earlier: int | None) -> None:
    async with opened() as office:
        if earlier is not None:
            await office.ended(await office.order(amount=earlier))
        before = office.field.meter("M1").limit
        until = SIMULATED_START + timedelta(hours=3)
        number = await office.order(amount=2000, until=until)
        assert (await office.ended(number)).state is State.DONE
        assert office.field.meter("M1").limit == 2000
        promised = await office.tell(number + 1)
        assert (promised.state, promised.restores) == (QUEUED, number)
        end = await office.ended(promised.number)
        assert end.state is State.DONE and end.ended_at is not None and end.ended_at >= until
        assert office.field.meter("M1").limit == before
        await office.check()


async def test_a_bounded_limit_that_was_found_by_reading_back_ends_as_well() -> None:
    async with opened() as office:
        await office.ended(await office.order(amount=5000))
        office.field.script += [NO_WORD]
        until = SIMULATED_START + timedelta(hours=3)
        number = await office.order(amount=2000, until=until)
        assert (await office.ended(number)).state is State.DONE
        assert (await office.ended(number + 1)).state is State.DONE
        assert office.field.meter("M1").limit == 5000
        await office.check()


async def test_a_new_limit_supersedes_the_promised_end_of_the_old() -> None:
    async with opened() as office:
        until = SIMULATED_START + timedelta(hours=3)
        number = await office.order(amount=2000, until=until)
        await office.ended(number)
        later = await office.order(amount=4000)
        promised = await office.tell(number + 1)
        assert (promised.state, promised.reason) == (State.CANCELLED, ReasonCode.SUPERSEDED)
        await office.ended(later)
        await asyncio.sleep(4 * 3600)
        assert office.field.meter("M1").limit == 4000
        await office.check()


async def test_a_bounded_limit_is_not_set_when_it_should_have_ended() -> None:
    async with opened(tries_max=100) as office:
        office.field.script += [UNREACHABLE] * 100
        until = SIMULATED_START + timedelta(hours=1)
        order = await office.ended(await office.order(until=until))
        assert order.state is State.FAILED
        assert order.ended_at is not None and order.ended_at <= until
        await office.check()


async def test_a_promised_end_is_not_cancelled_along_with_its_order() -> None:
    async with opened() as office:
        until = SIMULATED_START + timedelta(hours=3)
        number = await office.order(amount=2000, until=until, correlation_id="k1")
        await office.ended(number)
        cancelled = await office.cancel(correlation_id="k1")
        assert cancelled.done == () and [order.number for order in cancelled.too_late] == [number]
        changed = await office.change(1, correlation_id="k1")
        assert changed.done == ()
        by_number = await office.cancel(number=number + 1)
        assert [order.number for order in by_number.done] == [number + 1]
