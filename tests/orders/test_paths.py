"""Each path that an order may take, from its acceptance to its reply, on the simulated clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from headend.domain.order import Kind, State
from headend.domain.reason import ReasonCode
from headend.orders import lanes
from headend.orders.accept import Overloaded, Submission, Wish
from headend.orders.inbox import Conflict, Repeated, Taken
from headend.ports import Connectivity, StoreUnavailable
from protocols.concentrator.messages import Result, Status
from tests.conftest import SIMULATED_START
from tests.orders.office import Office, opened
from tests.orders.scripted_field import (
    BUSY,
    CUT_OFF,
    LOST,
    NO_EFFECT,
    NO_WORD,
    NOT_SENT,
    UNREACHABLE,
    Say,
)

SANTIAGO = ZoneInfo("America/Santiago")
QUEUED, DISPATCHED, EXECUTING = State.QUEUED, State.DISPATCHED, State.EXECUTING
TAKEN_IN = [State.RECEIVED, State.VALIDATED, QUEUED]
SENT = [DISPATCHED, EXECUTING]


def seconds() -> float:
    return asyncio.get_running_loop().time()


# --- tries ---------------------------------------------------------------------------------------


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


# --- effects that are not known ------------------------------------------------------------------


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


# --- time ----------------------------------------------------------------------------------------


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


# --- a concentrator that is silent ---------------------------------------------------------------


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


# --- orders of one meter -------------------------------------------------------------------------


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


# --- bounded limits ------------------------------------------------------------------------------


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


# --- the counter ---------------------------------------------------------------------------------


def submission(*meters: str, **about: object) -> Submission:
    wishes = tuple(Wish(meter, Kind.DISCONNECT) for meter in meters or ("M1",))
    told = {"message_id": "m", **about}
    return Submission("CIS", wishes, **told)  # type: ignore[arg-type]


async def test_the_same_message_is_taken_once() -> None:
    async with opened() as office:
        first = await office.accept(submission())
        assert isinstance(first, Taken)
        again = await office.accept(submission())
        assert again == Repeated(first.transaction_id, first.answer)
        assert isinstance(await office.accept(submission(), "another"), Conflict)
        other = await office.accept(replace(submission(), source="MDM"))
        assert isinstance(other, Taken)
        nameless = submission(message_id=None)
        assert isinstance(await office.accept(nameless), Taken)
        assert isinstance(await office.accept(nameless), Taken)
        assert await office.store.run(lambda tx: tx.waiting_orders()) == 4


async def test_too_many_are_refused_as_a_whole() -> None:
    async with opened(waiting_max=3) as office:
        assert isinstance(await office.accept(submission("M1", "M2")), Taken)
        full = submission("M3", "M4", message_id="n")
        with pytest.raises(Overloaded):
            await office.accept(full)
        assert await office.store.run(lambda tx: tx.inbound("CIS", "n")) is None
        await office.ended(1)
        await office.ended(2)
        assert isinstance(await office.accept(full), Taken)  # under the same key


REFUSED = {
    "M-nobody": ReasonCode.UNKNOWN_METER,
    "M-unlinked": ReasonCode.NOT_LINKED,
}


@pytest.mark.parametrize("meter", REFUSED)
async def test_what_cannot_be_is_rejected_and_replied_to(meter: str) -> None:
    async with opened() as office:
        order = await office.tell(await office.order(meter=meter))
        assert (order.state, order.reason) == (State.REJECTED, REFUSED[meter])
        await office.check()


async def test_whoever_waits_for_an_end_hears_of_it() -> None:
    async with opened() as office:
        number = await office.order()
        await office.life.settling.wait_for_end([number], 60)
        assert seconds() == 2 and (await office.tell(number)).state is State.DONE
        await office.life.settling.wait_for_end([99], 60)
        assert seconds() == 62


# --- changes of mind -----------------------------------------------------------------------------


async def test_a_waiting_order_is_cancelled() -> None:
    async with opened() as office:
        start = SIMULATED_START + timedelta(hours=1)
        number = await office.order(start=start, correlation_id="k")
        assert (await office.cancel("MDM", correlation_id="k")).done == ()
        done = (await office.cancel(correlation_id="k")).done
        assert [order.number for order in done] == [number]
        again = await office.cancel(correlation_id="k")
        assert again.done == () and len(again.too_late) == 1
        order = await office.tell(number)
        assert (order.state, order.reason) == (State.CANCELLED, ReasonCode.CANCELLED)
        await asyncio.sleep(2 * 3600)
        assert office.field.commands == []
        await office.check()


async def test_what_was_sent_is_not_cancelled() -> None:
    async with opened() as office:
        office.field.script += [Say(after_s=60)]
        number = await office.order()
        await asyncio.sleep(5)
        late = await office.cancel(number=number)
        assert late.done == () and [order.number for order in late.too_late] == [number]
        assert (await office.ended(number)).state is State.DONE
        await office.check()


async def test_an_order_is_cancelled_while_its_step_asks_around() -> None:
    async with opened() as office:
        office.field.connected = Connectivity(False, office.clock.now())
        number = await office.order()
        await asyncio.sleep(0.5)  # the portal is being asked
        assert len((await office.cancel(number=number)).done) == 1
        await asyncio.sleep(600)
        assert (await office.tell(number)).state is State.CANCELLED
        await office.check()


async def test_a_waiting_limit_is_changed() -> None:
    async with opened() as office:
        start = SIMULATED_START + timedelta(hours=1)
        number = await office.order(start=start, correlation_id="k")
        changed = await office.change(2500, correlation_id="k")
        assert [order.amount for order in changed.done] == [Decimal(2500)]
        above = await office.change(10_001, correlation_id="k")
        assert above.done == ()
        assert (await office.ended(number)).state is State.DONE
        assert office.field.meter("M1").limit == 2500
        late = await office.change(1000, correlation_id="k")
        assert late.done == () and len(late.too_late) == 1
        await office.check()


async def test_an_order_that_is_changed_while_its_step_asks_around_keeps_the_change() -> None:
    async with opened() as office:
        office.field.connected = Connectivity(False, office.clock.now())
        number = await office.order(correlation_id="k")
        await asyncio.sleep(0.5)
        await office.change(2500, correlation_id="k")
        await asyncio.sleep(5)
        office.field.connected = Connectivity(True)
        assert (await office.ended(number)).state is State.DONE
        assert office.field.meter("M1").limit == 2500


# --- trouble in the house ------------------------------------------------------------------------


async def test_a_store_that_fails_for_a_while_stops_no_lane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened() as office:
        whole = type(office.store).run
        number = await office.order()

        async def fail(store: object, work: object) -> None:
            raise StoreUnavailable("disk full")

        monkeypatch.setattr(type(office.store), "run", fail)
        await asyncio.sleep(120)
        monkeypatch.setattr(type(office.store), "run", whole)
        assert (await office.life_after_trouble(number)).state is State.DONE
        await office.check()
