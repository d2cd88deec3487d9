"""Orders after a restoration, behind a concentrator: looked for, done once, or superseded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from headend.domain.order import Kind, State
from headend.domain.reason import REASONS, ReasonCode
from headend.domain.restoration import ATTEMPTS, Restoration, Standing
from headend.orders.after_restoration import LOOKED_FOR, Reconciled, reconcile
from headend.ports import Connectivity
from headend.store.transaction import SqlTransaction
from protocols.concentrator.messages import Action, Result, Status
from tests import databases
from tests.conftest import SIMULATED_START
from tests.orders.office import Office, opened
from tests.orders.scripted_field import Say

pytestmark = databases.on_one
AWAY, THERE = Connectivity(False), Connectivity(True)
LOST = 500  # an order of the lost life


@asynccontextmanager
async def come_back() -> AsyncIterator[Office]:
    """An office whose orders wait, because nobody can be reached."""
    async with opened(deadline_s=86_400.0, tries_max=50) as it:
        it.field.connected = AWAY
        yield it


async def let_send(it: Office) -> Reconciled:
    """The life ends, its memory comes back as it is, and sending begins."""
    await it.crash()

    def work(tx: SqlTransaction) -> Reconciled:
        now = it.clock.now()
        before, after = tx.raise_order_number(1000)
        tx.add_restoration(
            Restoration(1, "b", now, now, "os:ana", Standing.RESTORED, before, after)
        )
        return reconcile(tx, it.life.settling, now)

    found: Reconciled = await it.store.run(work)  # type: ignore[arg-type]
    it.field.connected = THERE
    it.start()
    return found


async def test_what_the_lost_life_did_is_seen_and_not_done_again() -> None:
    async with come_back() as it:
        done = await it.order(Kind.SET_LIMIT, "M1", amount=3000)
        cut = await it.order(Kind.DISCONNECT, "M2")
        open_ = await it.order(Kind.SET_LIMIT, "M3", amount=2000)
        await asyncio.sleep(40)
        it.field.meter("M1").limit = Decimal(3000)
        it.field.meter("M2").supply_on = False
        assert await let_send(it) == Reconciled(looked_for=3)
        for number in (done, cut, open_):
            assert (await it.ended(number)).state is State.DONE
            assert LOOKED_FOR in [line.cause for line in it.journal(number)]
        assert [each.meter for each in it.field.effects] == ["M3"]
        (command,) = [each for _, each in it.field.commands]
        assert command.attempt > ATTEMPTS, "no concentrator remembers it"
        assert not it.field.withdrawn, "no concentrator is asked about attempts that nobody knows"
        await it.check()


async def test_what_was_never_sent_is_not_told_as_sent() -> None:
    """The meter shows nothing, as nothing was sent; then it is sent."""
    async with come_back() as it:
        number = await it.order(Kind.SET_LIMIT, "M1", amount=3000)
        await asyncio.sleep(40)
        await let_send(it)
        assert (await it.ended(number)).state is State.DONE
        told = [line.cause for line in it.journal(number)]
        (looked,) = [cause for cause in told if cause.startswith("looked for the effect")]
        assert REASONS[ReasonCode.EFFECT_NOT_SEEN].text in looked
        assert not [cause for cause in told if "a command was sent" in cause]


async def test_what_was_sent_without_effect_is_told_as_sent() -> None:
    async with opened(deadline_s=86_400.0) as it:
        it.field.script.append(Say(Status.NOT_APPLIED))
        number = await it.order(Kind.SET_LIMIT, "M1", amount=3000)
        await asyncio.sleep(0.5)
        it.field.memory.clear()
        await let_send(it)
        assert (await it.ended(number)).state is State.DONE
        told = [line.cause for line in it.journal(number)]
        assert [cause for cause in told if REASONS[ReasonCode.NOT_APPLIED].text in cause]


async def test_what_was_sent_and_not_answered_is_looked_for_at_the_meter() -> None:
    async with opened(deadline_s=86_400.0) as it:
        number = await it.order(Kind.SET_LIMIT, "M1", amount=3000)
        await asyncio.sleep(0.5)
        assert (await it.tell(number)).state in (State.DISPATCHED, State.EXECUTING)
        it.field.memory.clear()
        it.field.meter("M1").limit = Decimal(3000)
        assert await let_send(it) == Reconciled(looked_for=1)
        assert (await it.ended(number)).state is State.DONE
        assert len(it.field.effects) == 1  # that of the life before
        await it.check()


async def test_what_has_its_time_to_come_waits_for_it() -> None:
    async with come_back() as it:
        start = it.clock.now() + timedelta(hours=2)
        number = await it.order(Kind.SET_LIMIT, "M1", amount=3000, start=start)
        assert await let_send(it) == Reconciled(later=1)
        assert (await it.tell(number)).state is State.QUEUED
        await it.ended(number)
        assert len(it.field.effects) == 1 and not it.field.reads


def result(action: Action, order: int = LOST, meter: str = "M1", attempt: int = 1) -> Result:
    return Result(
        id=f"lost-{order}-{attempt}", at=SIMULATED_START, order=str(order), attempt=attempt,
        meter=meter, action=action, status=Status.DONE, acted=True,
    )  # fmt: skip


SUPERSEDED = {
    "a later limit of the meter": (result(Action.SET_LIMIT), 1),
    "it was cut later": (result(Action.DISCONNECT), 1),
    "it was only read": (result(Action.READ_SUPPLY), 0),
    "another meter": (result(Action.SET_LIMIT, meter="M2"), 0),
}


@pytest.mark.parametrize(("told", "superseded"), SUPERSEDED.values(), ids=SUPERSEDED)
async def test_a_later_order_that_is_lost(told: Result, superseded: int) -> None:
    """What the field tells of orders that nobody knows is kept, and no older order undoes it."""
    async with come_back() as it:
        number = await it.order(Kind.SET_LIMIT, "M1", amount=3000)
        await it.crash()

        def back(tx: SqlTransaction) -> None:
            now = it.clock.now()
            before, after = tx.raise_order_number(1000)
            tx.add_restoration(
                Restoration(1, "b", now, now, "os:ana", Standing.RESTORED, before, after)
            )

        await it.store.run(back)  # type: ignore[arg-type]
        for _ in range(2):  # concentrators say it again until they have a receipt
            await it.life.hearing.late_result("C1", told)
        await it.life.hearing.late_result("C1", result(Action.SET_LIMIT, 10_000))  # of nobody
        strays = await it.store.run(lambda tx: tx.strays())
        assert [(each.order, each.meter, each.status) for each in strays] == [
            (LOST, told.meter, "done")
        ]
        found = await it.store.run(lambda tx: reconcile(tx, it.life.settling, it.clock.now()))
        assert found.superseded == superseded and found.looked_for == 1 - superseded
        order = await it.tell(number)
        if superseded:
            assert (order.state, order.reason) == (State.CANCELLED, ReasonCode.SUPERSEDED)
            assert it.told(number), "the commercial side is told"


async def test_a_new_order_has_a_number_of_nobody() -> None:
    async with come_back() as it:
        first = await it.order(Kind.SET_LIMIT, "M1", amount=3000)
        await let_send(it)
        second = await it.order(Kind.SET_LIMIT, "M2", amount=3000)
        assert second == first + 1000 + 1
        await it.ended(second)
