"""What is taken in, refused, cancelled and changed; and a store that fails for a while."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from headend.domain.order import Kind, State
from headend.domain.reason import ReasonCode
from headend.orders.accept import Overloaded, Submission, Wish
from headend.orders.inbox import Conflict, Repeated, Taken
from headend.ports import Connectivity, StoreUnavailable
from tests.conftest import SIMULATED_START
from tests.orders.office import opened
from tests.orders.scripted_field import (
    Say,
)
from tests.orders.states import seconds


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
