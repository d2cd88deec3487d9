"""Billing periods, which end once, and loads, which come back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from headend.domain.order import Kind, State
from headend.domain.reason import ReasonCode
from protocols.concentrator.messages import Action, Status
from tests.conftest import SIMULATED_START
from tests.orders.office import Office, opened
from tests.orders.scripted_field import (
    CUT_OFF,
    LOST,
    NO_EFFECT,
    NO_WORD,
    UNREACHABLE,
    Say,
)

HOUR = timedelta(hours=1)

# name: (what comes of the commands, how many leave, how many reset)
MISHAPS = {
    "nothing": ((), 1, 1),
    "the command is lost": ((LOST,), 2, 1),
    "the command is done, and nobody hears of it": ((replace(LOST, arrives=True),), 1, 1),
    "the line breaks before the result": ((CUT_OFF,), 1, 1),
    "the meter's answer is lost": ((NO_WORD,), 1, 1),
    "the meter never got it": ((NO_EFFECT,), 2, 1),
    "the meter is away": ((UNREACHABLE, UNREACHABLE), 3, 1),
    "all of it": ((UNREACHABLE, NO_EFFECT, LOST, NO_WORD), 4, 1),
}


@pytest.mark.parametrize(("script", "sent", "resets"), MISHAPS.values(), ids=MISHAPS)
async def test_a_period_ends_once(script: tuple[Say, ...], sent: int, resets: int) -> None:
    async with opened() as office:
        office.field.script += script
        order = await office.ended(await office.order(Kind.RESET_DEMAND))
        assert (order.state, office.field.meter("M1").resets) == (State.DONE, 98 + resets)
        assert [command.since.resets for _, command in office.field.commands] == [98] * sent
        assert order.value_read is not None and order.value_read.demand is not None
        assert order.value_read.demand.resets == 99
        reply, event = office.told()
        assert (reply.action, reply.ok, event.kind) == ("reset-demand", True, "event")
        assert reply.value is not None and reply.value.demand is not None
        assert reply.value.demand.resets == 99
        await office.check()


async def test_the_counter_is_read_until_the_meter_answers_and_then_acted_on() -> None:
    async with opened() as office:
        office.field.looks += [Status.NO_ANSWER, Status.BUSY, Status.UNREACHABLE]
        order = await office.ended(await office.order(Kind.RESET_DEMAND))
        assert (order.state, len(office.field.commands)) == (State.DONE, 1)
        assert [command.action for _, command in office.field.reads] == [Action.READ_DEMAND] * 4
        await office.check()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.NOT_EQUIPPED, ReasonCode.METER_NOT_EQUIPPED),
        (Status.NOT_IN_TABLE, ReasonCode.NOT_IN_TABLE),
        (Status.KEY_REJECTED, ReasonCode.WRONG_KEY_OR_COUNTER),
    ],
)
async def test_nothing_is_sent_to_a_meter_whose_counter_cannot_be_read(
    status: Status, reason: ReasonCode
) -> None:
    async with opened() as office:
        office.field.looks += [status] * 20
        order = await office.ended(await office.order(Kind.RESET_DEMAND))
        assert (order.state, order.reason) == (State.FAILED, reason)
        assert office.field.commands == []
        await office.check()


async def test_a_crash_between_the_reading_and_the_reset_costs_a_reading() -> None:
    async with opened() as office:
        number = await office.order(Kind.RESET_DEMAND)
        await asyncio.sleep(1)
        assert len(office.field.reads) == 1
        await office.crash()
        office.start()
        order = await office.ended(number)
        assert (order.state, office.field.meter("M1").resets) == (State.DONE, 99)
        assert len(office.field.reads) == 2
        await office.check()


async def test_what_was_kept_survives_a_crash_after_the_command() -> None:
    async with opened() as office:
        office.field.script += [CUT_OFF]
        number = await office.order(Kind.RESET_DEMAND)
        await asyncio.sleep(5)
        assert len(office.field.commands) == 1
        await office.crash()
        office.start()
        assert (await office.ended(number)).state is State.DONE
        assert office.field.meter("M1").resets == 99
        await office.check()


async def test_two_orders_end_two_periods() -> None:
    async with opened() as office:
        first, second = [await office.order(Kind.RESET_DEMAND) for _ in range(2)]
        assert (await office.ended(first)).state is State.DONE
        assert (await office.ended(second)).state is State.DONE
        assert office.field.meter("M1").resets == 0, "behind 99 comes 0"
        await office.check()


async def test_an_effect_not_known_at_the_deadline_is_told_when_it_is_found() -> None:
    async with opened() as office:
        office.field.script += [NO_WORD]
        number = await office.order(Kind.RESET_DEMAND, deadline=SIMULATED_START + HOUR)
        await asyncio.sleep(3)
        office.field.looks += [Status.NO_ANSWER] * 1000
        order = await office.ended(number)
        assert (order.state, order.reason) == (State.FAILED, ReasonCode.EFFECT_NOT_KNOWN)
        office.field.looks.clear()
        await asyncio.sleep(2 * 3600)
        _, finding = office.told()
        assert "took effect" in (finding.note or "")
        assert len(office.field.effects) == 1
        await office.check()


# --- loads -------------------------------------------------------------------------------------


async def switched(office: Office, at: timedelta) -> bool:
    """Whether the load is on so long after the start."""
    await asyncio.sleep((SIMULATED_START + at - office.clock.now()).total_seconds())
    return office.field.meter("M1").load_on


@pytest.mark.parametrize("kind", [Kind.LOAD_OFF, Kind.LOAD_ON])
async def test_a_load_is_switched_for_a_while(kind: Kind) -> None:
    async with opened() as office:
        on = kind is Kind.LOAD_ON
        office.field.meter("M1").load_on = not on
        await office.order(kind, until=SIMULATED_START + HOUR)
        assert await switched(office, HOUR / 2) is on
        assert await switched(office, HOUR * 1.1) is not on
        assert office.field.meter("M1").supply_on
        actions = [office.told(number)[0].action for number in (1, 2)]
        assert actions == [kind, Kind.LOAD_OFF if on else Kind.LOAD_ON]
        await office.check()


async def test_a_later_switching_moves_the_end() -> None:
    async with opened() as office:
        await office.order(Kind.LOAD_OFF, until=SIMULATED_START + HOUR)
        assert not await switched(office, HOUR / 2)
        await office.order(Kind.LOAD_OFF, until=SIMULATED_START + 3 * HOUR)
        assert not await switched(office, HOUR * 2)
        assert await switched(office, HOUR * 3.1)
        await office.check()


async def test_a_later_switching_that_fails_moves_nothing() -> None:
    async with opened() as office:
        await office.order(Kind.LOAD_OFF, until=SIMULATED_START + HOUR)
        assert not await switched(office, HOUR / 2)
        office.field.script += [Say(Status.NOT_EQUIPPED)]
        number = await office.order(Kind.LOAD_OFF, until=SIMULATED_START + 3 * HOUR)
        assert (await office.ended(number)).reason is ReasonCode.METER_NOT_EQUIPPED
        assert await switched(office, HOUR * 1.1)
        await office.check()


async def test_one_that_is_planned_leaves_the_end_before_it() -> None:
    async with opened() as office:
        start = SIMULATED_START
        await office.order(Kind.LOAD_OFF, until=start + HOUR)
        await office.order(Kind.LOAD_OFF, start=start + 2 * HOUR, until=start + 3 * HOUR)
        found = [await switched(office, HOUR * hour) for hour in (0.5, 1.5, 2.5, 3.5)]
        assert found == [False, True, False, True]
        await office.check()


async def test_off_for_good_takes_back_what_was_promised() -> None:
    async with opened() as office:
        await office.order(Kind.LOAD_OFF, until=SIMULATED_START + HOUR)
        await switched(office, HOUR / 2)
        await office.order(Kind.LOAD_OFF)
        assert not await switched(office, 5 * HOUR)
        await office.check()


@pytest.mark.parametrize("kind", [Kind.LOAD_OFF, Kind.RESET_DEMAND])
async def test_neither_waits_for_a_working_day(kind: Kind) -> None:
    """On a Saturday, without the permission that a disconnection needs."""
    async with opened(start=False) as office:
        await asyncio.sleep(5 * 86_400)
        office.start()
        assert (await office.ended(await office.order(kind))).state is State.DONE
        await office.check()
