"""Effects that are not known: withdrawn, read back, found late, never guessed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from headend.domain.order import Kind, State
from headend.domain.reason import ReasonCode
from protocols.concentrator.messages import Result, Status
from tests.conftest import SIMULATED_START
from tests.orders.office import opened
from tests.orders.scripted_field import (
    CUT_OFF,
    LOST,
    NO_EFFECT,
    NO_WORD,
)
from tests.orders.states import DISPATCHED, QUEUED, SENT, TAKEN_IN


async def test_what_never_arrived_is_withdrawn_and_tried_again() -> None:
    async with opened() as office:
        office.field.script += [LOST]
        order = await office.ended(await office.order())
        assert (order.state, order.tries, len(office.field.effects)) == (State.DONE, 2, 1)
        assert len(office.field.withdrawn) == 1 and office.field.reads == []
        assert office.states() == [
            *TAKEN_IN, DISPATCHED, State.UNKNOWN, QUEUED, *SENT, State.DONE,
        ]  # fmt: skip
        assert [attempt.result for attempt in office.attempts()] == [
            "the concentrator reported cancelled",
            "the concentrator reported done",
        ]
        await office.check()


async def test_what_was_carried_out_unheard_is_found_by_withdrawing() -> None:
    async with opened() as office:
        office.field.script += [replace(LOST, arrives=True)]
        order = await office.ended(await office.order(amount=3000))
        assert (order.state, order.tries, len(office.field.effects)) == (State.DONE, 1, 1)
        assert order.value_read is not None and order.value_read.limit == 3000
        (attempt,) = office.attempts()  # with what travelled, for `explain`
        assert attempt.exchanges is not None and attempt.started_at == SIMULATED_START
        await office.check()


async def test_a_withdrawal_that_nobody_answers_is_made_again_and_more_and_more_seldom() -> None:
    async with opened() as office:
        office.field.script += [LOST]
        office.field.withdrawals += [False] * 12
        order = await office.ended(await office.order())
        assert (order.state, len(office.field.effects)) == (State.DONE, 1)
        times = [at for at, _ in office.field.withdrawn]
        assert len(times) == 13 and times[-1] - times[-2] > 4 * (times[1] - times[0])
        await office.check()


async def test_an_effect_that_the_concentrator_does_not_know_is_read_back() -> None:
    async with opened() as office:
        office.field.script += [NO_WORD]
        order = await office.ended(await office.order(amount=3000))
        assert (order.state, order.tries, len(office.field.effects)) == (State.DONE, 1, 1)
        assert order.value_read is not None and order.value_read.limit == 3000
        assert [attempt.verification for attempt in office.attempts()] == [False, True]
        await office.check()


async def test_an_effect_that_is_read_to_be_absent_allows_another_command() -> None:
    async with opened() as office:
        office.field.script += [NO_EFFECT]
        order = await office.ended(await office.order())
        assert (order.state, order.tries, len(office.field.effects)) == (State.DONE, 2, 1)
        await office.check()


async def test_nothing_is_sent_again_while_the_effect_is_not_known() -> None:
    async with opened() as office:
        office.field.script += [NO_WORD]
        office.field.looks += [Status.NO_ANSWER] * 5
        order = await office.ended(await office.order())
        assert (order.state, len(office.field.commands)) == (State.DONE, 1)
        assert len(office.field.reads) == 6
        await office.check()


@pytest.mark.parametrize("kind", [Kind.DISCONNECT, Kind.CONNECT])
async def test_a_supply_is_read_back(kind: Kind) -> None:
    async with opened() as office:
        office.field.meter("M1").supply_on = kind is Kind.DISCONNECT
        office.field.script += [NO_WORD]
        order = await office.ended(await office.order(kind))
        assert order.state is State.DONE and order.value_read is not None
        assert order.value_read.supply_on is (kind is Kind.CONNECT)
        await office.check()


EFFECTS = {"it took effect": NO_WORD, "it did not": NO_EFFECT}


@pytest.mark.parametrize("found", EFFECTS)
async def test_an_effect_not_known_at_the_deadline_is_reported_when_it_is_found(found: str) -> None:
    async with opened() as office:
        office.field.script += [EFFECTS[found]]
        office.field.looks += [Status.NO_ANSWER] * 1000
        deadline = SIMULATED_START + timedelta(hours=1)
        number = await office.order(deadline=deadline)
        order = await office.ended(number)
        assert (order.state, order.reason) == (State.FAILED, ReasonCode.EFFECT_NOT_KNOWN)
        assert order.ended_at == deadline and order.verify_at is not None
        assert [message.kind for message in office.told()] == ["reply"]
        await asyncio.sleep(3 * 3600)
        office.field.looks.clear()
        await asyncio.sleep(3600)
        order = await office.tell(number)
        assert (order.state, order.verify_at) == (State.FAILED, None)
        reply, finding = office.told()
        assert (reply.kind, finding.kind) == ("reply", "event") and finding.note is not None
        assert ("did not take effect" in finding.note) is (found == "it did not")
        assert len(office.field.commands) == 1
        await office.check()


async def test_the_search_for_an_effect_comes_to_an_end() -> None:
    async with opened(verify_for_s=6 * 3600.0) as office:
        office.field.script += [NO_WORD]
        office.field.looks += [Status.NO_ANSWER] * 1000
        number = await office.order(deadline=SIMULATED_START + timedelta(hours=1))
        await asyncio.sleep(12 * 3600)
        assert (await office.tell(number)).verify_at is None
        assert "could not be found out" in (office.told()[-1].note or "")
        assert 10 <= len(office.field.reads) <= 40  # not every half minute
        await office.check()


async def test_a_later_order_of_the_meter_leaves_nothing_to_be_read() -> None:
    """The meter shows what the later order did: it must not be told of the earlier one."""
    async with opened() as office:
        office.field.script += [NO_WORD]
        office.field.looks += [Status.NO_ANSWER] * 1000
        cut = await office.order(Kind.DISCONNECT, deadline=SIMULATED_START + timedelta(hours=1))
        assert (await office.ended(cut)).reason is ReasonCode.EFFECT_NOT_KNOWN
        back = await office.order(Kind.CONNECT)
        assert (await office.ended(back)).state is State.DONE
        office.field.looks.clear()
        await asyncio.sleep(3600)
        assert "a later order has acted" in (office.told(cut)[-1].note or "")
        await office.check()


async def test_a_late_result_ends_the_order() -> None:
    async with opened() as office:
        office.field.script += [CUT_OFF]
        office.field.withdrawals += [False] * 100
        order = await office.ended(await office.order())
        assert (order.state, order.tries, len(office.field.effects)) == (State.DONE, 1, 1)
        assert any("a late result" in line.cause for line in office.journal())
        (attempt,) = office.attempts()
        assert attempt.started_at == SIMULATED_START and attempt.exchanges is not None
        await office.check()


STRAYS = {
    "of nobody's order": ("99", 1, "C1"),
    "of another concentrator": ("1", 1, "C2"),
    "of another attempt": ("1", 7, "C1"),
    "with a name that is no number": ("x", 1, "C1"),
    "with a number that no order has": ("9" * 40, 1, "C1"),
}


@pytest.mark.parametrize("stray", STRAYS)
async def test_a_stray_result_changes_nothing(stray: str) -> None:
    name, attempt, concentrator = STRAYS[stray]
    async with opened() as office:
        office.field.script += [CUT_OFF]
        number = await office.order()
        await asyncio.sleep(5)
        before = await office.tell(number)
        about = Result(
            id="stray",
            at=office.clock.now(),
            order=name,
            attempt=attempt,
            meter="M1",
            action=office.field.commands[0][1].action,
            status=Status.DONE,
            acted=True,
        )
        await office.life.hearing.late_result(concentrator, about)
        assert await office.tell(number) == before


async def test_a_late_result_and_the_step_that_gave_up_do_not_meet() -> None:
    """It arrives while the step still asks the carrier why there was none."""
    async with opened() as office:
        office.field.script += [replace(CUT_OFF, status=Status.UNREACHABLE)]
        number = await office.order()
        gives_up_s = 300 + office.field.patience.result_grace_s
        await asyncio.sleep(gives_up_s + 0.5)  # the portal answers after a second
        _, result = office.field.memory[number, 1]
        await office.life.hearing.late_result("C1", result)
        assert (await office.tell(number)).state is QUEUED
        order = await office.ended(number)
        assert (order.state, order.tries, len(office.field.effects)) == (State.DONE, 2, 1)
        await office.check()
