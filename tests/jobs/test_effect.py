"""A technician's command whose effect is not known: the head-end reads the meter itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headend.domain.job import Authorisation, Device, Job, TakenOrder
from headend.domain.order import Attempt, State
from headend.ports import Transaction
from tests.orders.office import Office, opened
from tests.orders.scripted_field import Meter
from tests.store import making

SHOWS = {
    # name: (the supply is on when the head-end looks, commands that it sends then)
    "the technician had cut it": (False, 0),
    "nothing had happened": (True, 1),
}


@pytest.mark.parametrize(("supply_on", "commands"), SHOWS.values(), ids=SHOWS)
async def test_the_meter_alone_can_tell(supply_on: bool, commands: int) -> None:
    async with opened(start=False) as office:
        number = await _cut_off_in_the_field(office)
        office.field.meters["M1"] = Meter(supply_on=supply_on)
        office.start()
        order = await office.ended(number)
        assert order.state is State.DONE
        assert office.field.withdrawn == [], "no concentrator has heard of it"
        assert len(office.field.reads) == 1 and len(office.field.commands) == commands
        await office.check()


async def _cut_off_in_the_field(office: Office) -> int:
    """As a result leaves it whose device died between sending and hearing; the order's number."""
    now = office.clock.now()
    until = now + timedelta(hours=1)

    def work(tx: Transaction) -> int:
        number = tx.next_order_number()
        times = {"accepted_at": now, "ready_at": now, "not_before": now}
        order = making.order(number, deadline=now + timedelta(hours=6), **times)
        tx.add_order(order, making.STORY)
        tx.add_device(Device("laptop-7", "414D4A0000000001", b"", now))
        job = Job("j", "laptop-7", now, now, until, Authorisation.READ_AND_WRITE, b"")
        taken = TakenOrder("j", number, "M1", now, until, attempt=1)
        tx.add_job(job, [], [taken])
        sent = order.to(State.DISPATCHED, attempts=1, tries=1, commanded=1, not_after=until)
        tx.save_order(sent, at=now, cause="carried out on job j", attempt=1)
        tx.begin_attempt(Attempt(number, 1, now, now, result="cut off"))
        unknown = replace(sent.to(State.UNKNOWN), not_before=now)
        tx.save_order(unknown, at=now, cause="its effect is not known")
        return number

    return await office.store.run(work)
