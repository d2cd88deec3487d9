"""A whole day of a package: three meters, an optical probe that is cut off, an order that is taken
back, a meter that says nothing, a package that runs out, and what the office makes of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from headend.app.visits import JobRefused, NotAllowed
from headend.domain.job import Clash, JobState
from headend.domain.order import Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.field.direct.line import LineLost
from headend.models import Framing
from headend.ports import Transaction
from protocols.concentrator.messages import Status
from protocols.mode_e.server import ModeEServer
from tests.jobs.day import begun, wait


class Cable:
    """Lets so many answers of the meter through; then it is cut."""

    def __init__(self, answers: int) -> None:
        self.left = answers

    def __call__(self, octets: bytes) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise LineLost("the cable is cut", "unplugged", "plug it in")
        return octets


def cancelled(tx: Transaction, order: Order) -> None:
    ended = order.to(State.CANCELLED, reason=ReasonCode.CANCELLED, ended_at=order.accepted_at)
    tx.save_order(ended, at=order.accepted_at, cause="cancelled by CIS")


async def test_a_day_as_a_technician_lives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch, meters=3) as day:
        one, two, three = day.meters
        limit = await day.order(Kind.SET_LIMIT, one, amount=Decimal(3300))
        cut = await day.order(Kind.DISCONNECT, two)
        lost = await day.order(Kind.SET_LIMIT, three, amount=Decimal(2200))
        exported = await day.export()
        assert exported.orders == (limit, cut, lost)
        job = day.kit.open(exported.job.package)
        before = {lease.meter: lease for lease in await leases(day, exported.job.id)}

        # Meter 1 by its optical eye: the cable is cut in the middle, the laptop starts anew.
        optical = {"far": ModeEServer, "spoil": Cable(6)}
        visit = await day.visit(
            job, one, name=one, framing=Framing.MODE_E, read=False, faults=optical
        )
        assert visit.failure is not None or visit.steps[0].status is not Status.DONE
        await wait(0.1)
        job = day.restart_kit().job(exported.job.id)
        visit = await day.visit(job, one, framing=Framing.MODE_E, faults={"far": ModeEServer})
        assert visit.failure is None and [step.status for step in visit.steps] == [Status.DONE]
        assert len(visit.read) > 5
        assert day.meters[one].limiter.threshold_normal == 3300

        # Meter 2 by TCP, whose order the commercial side has taken back; nobody here can know.
        await day.change(cut, cancelled)
        visit = await day.visit(job, two)
        assert [step.status for step in visit.steps] == [Status.DONE]
        partial = job.folder.lines()

        # Meter 3 says nothing.
        visit = await day.visit(job, three, faults={"heard": lambda octets: None}, name=three)
        assert visit.failure is not None
        assert [step.status for step in visit.steps] == [Status.NO_ANSWER]

        # The package runs out; what is done can still be handed in, and nothing else is.
        await wait(13)
        with pytest.raises(NotAllowed):
            await day.visit(job, three)
        result = job.close()

        # The office.
        forged = bytearray(result)
        forged[len(forged) // 2] ^= 1
        with pytest.raises(JobRefused):
            await day.hand_in(bytes(forged))
        edited = result.replace(b"3300", b"9900")
        assert edited != result
        with pytest.raises(JobRefused):
            await day.hand_in(edited)
        assert (await day.tell(limit)).state is State.QUEUED, "a refused result changes nothing"

        imported = await day.hand_in(result)
        assert imported.job.state is JobState.CLOSED
        states = {number: (await day.tell(number)).state for number in (limit, cut, lost)}
        assert states[limit] is State.DONE and states[cut] is State.CANCELLED
        assert states[lost] is not State.DONE
        assert [(c.clash, c.order) for c in imported.conflicts] == [(Clash.ORDER_ENDED, cut)]
        assert imported.readings > 10
        assert [(m.kind, m.ok) for m in day.told(limit)] == [("reply", True), ("event", True)]
        for lease in await leases(day, exported.job.id):
            if lease.meter != three:
                assert lease.next_own is not None and lease.first < lease.next_own <= lease.end
            assert lease.first == before[lease.meter].first

        # Twice is once, also of what was handed in late.
        told = {number: day.told(number) for number in (limit, cut, lost)}
        again = await day.hand_in(result)
        assert again.again and again.concluded == () and again.readings == 0
        with pytest.raises(JobRefused, match="longer result"):
            await day.hand_in(partial)
        assert {number: day.told(number) for number in told} == told

        # The next package of these meters leases counters above all that was used.
        await day.order(Kind.SET_LIMIT, one, amount=Decimal(4400))
        following = await day.export(meters=(one,))
        (next_lease,) = await leases(day, following.job.id)
        assert next_lease.first >= before[one].end


async def leases(day, job: str):  # type: ignore[no-untyped-def]
    return await day.desk.store.run(lambda tx: tx.job_leases(job))
