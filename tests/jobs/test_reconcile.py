"""A result meets a head-end that has gone another way meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from headend.app.visits import JobRefused, NotAllowed
from headend.domain.job import Clash, JobState
from headend.domain.order import Attempt, Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.jobs.export import LEASE_SIZE
from headend.orders.effect import EffectSearch
from headend.ports import Transaction
from protocols.concentrator.messages import Status
from protocols.jobs.result import Ended
from tests.jobs.day import Day, begun, wait


async def worked(day: Day, **order: object) -> tuple[int, str, bytes]:
    """An order carried out by the technician; number, job and result."""
    number = await day.order(**order)  # type: ignore[arg-type]
    exported = await day.export()
    job = day.kit.open(exported.job.package)
    await wait(0.1)
    await day.visit(job, read=False)
    return number, exported.job.id, job.close()


def cancelled(tx: Transaction, order: Order, day: Day) -> None:
    ended = order.to(State.CANCELLED, reason=ReasonCode.CANCELLED, ended_at=order.accepted_at)
    tx.save_order(ended, at=order.accepted_at, cause="cancelled by CIS")


def superseded(tx: Transaction, order: Order, day: Day) -> None:
    ended = order.to(State.CANCELLED, reason=ReasonCode.SUPERSEDED, ended_at=order.accepted_at)
    tx.save_order(ended, at=order.accepted_at, cause="superseded")


def expired(tx: Transaction, order: Order, day: Day) -> None:
    ended = order.to(State.EXPIRED, reason=ReasonCode.EXPIRED, ended_at=order.accepted_at)
    tx.save_order(ended, at=order.accepted_at, cause="waited until its deadline")


def sent(tx: Transaction, order: Order, day: Day) -> None:
    until = order.accepted_at + timedelta(minutes=5)
    out = order.to(State.DISPATCHED, attempts=1, tries=1, commanded=1, not_after=until)
    tx.save_order(out, at=order.accepted_at, cause="sent to C1", attempt=1)
    tx.begin_attempt(Attempt(order.number, 1, order.accepted_at))


def changed(tx: Transaction, order: Order, day: Day) -> None:
    tx.save_order(
        replace(order, amount=Decimal(2000)), at=order.accepted_at, cause="amount changed"
    )


MEANWHILE: dict[str, tuple[Callable[..., None], Clash, State, str]] = {
    # name: (what happened in the office, the conflict, the order's state after, what to do)
    "cancelled": (cancelled, Clash.ORDER_ENDED, State.CANCELLED, "order the opposite"),
    "superseded": (superseded, Clash.ORDER_ENDED, State.CANCELLED, "order the opposite"),
    "expired": (expired, Clash.ORDER_ENDED, State.EXPIRED, "an event has been sent"),
    "sent by the head-end": (sent, Clash.ORDER_UNDER_WAY, State.DISPATCHED, "nothing"),
    "changed": (changed, Clash.ORDER_CHANGED, State.QUEUED, "sets the new amount"),
}


@pytest.mark.parametrize(("happened", "clash", "state", "step"), MEANWHILE.values(), ids=MEANWHILE)
async def test_what_the_head_end_did_meanwhile_stays_and_the_rest_is_told(
    happened: Callable[..., None],
    clash: Clash,
    state: State,
    step: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number, job, result = await worked(day)
        await day.change(number, lambda tx, order: happened(tx, order, day))
        imported = await day.hand_in(result)
        assert [c.clash for c in imported.conflicts] == [clash]
        assert step in imported.conflicts[0].next_step
        assert await day.conflicts(job) == list(imported.conflicts)
        assert imported.concluded == () and (await day.tell(number)).state is state
        if clash is Clash.ORDER_ENDED:
            (event,) = day.told(number)
            assert event.kind == "event" and "technician" in (event.note or "")
        elif state is State.DISPATCHED:
            assert "technician" in (await day.tell(number)).evidence[-1].text
        again = await day.hand_in(result)
        assert again.again and await day.conflicts(job) == list(imported.conflicts)


async def test_a_later_order_that_acted_on_the_meter_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number, job, result = await worked(day)
        later = await day.order(Kind.CONNECT)
        await day.change(later, lambda tx, order: sent(tx, order, day))
        imported = await day.hand_in(result)
        assert [c.clash for c in imported.conflicts] == [Clash.METER_CHANGED]
        assert (await day.tell(number)).state is State.DONE, "it was done, whatever came later"


async def test_a_refusal_ends_the_order_with_the_meter_s_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number, _, result = await worked(day, amount=Decimal("1.5"))
        imported = await day.hand_in(result)
        (order,) = imported.concluded
        assert order.number == number and order.state is State.FAILED
        assert order.reason is ReasonCode.LIMIT_NOT_REPRESENTABLE
        assert [(m.kind, m.ok) for m in day.told(number)] == [("reply", False)]


async def test_a_partial_result_counts_as_far_as_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch, meters=2) as day:
        one, two = day.meters
        first, second = await day.order(meter=one), await day.order(meter=two)
        exported = await day.export()
        job = day.kit.open(exported.job.package)
        await day.visit(job, one, read=False)
        partial = await day.hand_in(job.folder.lines())
        assert [o.number for o in partial.concluded] == [first]
        assert partial.job.state is JobState.OPEN and partial.back == ()
        assert (await day.tell(second)).state is State.QUEUED
        await day.visit(job, two, read=False)
        whole = await day.hand_in(job.close())
        assert [o.number for o in whole.concluded] == [second]
        assert whole.job.state is JobState.CLOSED
        assert [len(day.told(n)) for n in (first, second)] == [2, 2]
        with pytest.raises(JobRefused, match="longer result"):
            await day.hand_in(b"".join(job.folder.lines().splitlines(keepends=True)[:3]))


async def test_a_copy_of_the_device_s_files_that_went_another_way_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order()
        job = day.kit.open((await day.export()).job.package)
        begun_only = job.folder.lines()
        await day.visit(job, read=False)
        await day.hand_in(job.folder.lines())
        (job.folder.path / "result").write_bytes(begun_only)  # the copy
        await wait(1)
        copy = day.restart_kit().job(job.work.package.job)
        with pytest.raises(JobRefused, match="files were copied"):
            await day.visit(copy, read=True)
            await day.hand_in(copy.close())
        assert (await day.tell(number)).state is State.DONE


async def test_a_meter_that_was_not_reached_leaves_its_order_to_the_head_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order()
        job = day.kit.open((await day.export()).job.package)
        next(iter(day.meters.values())).faults.wrong_keys = True
        visit = await day.visit(job)
        assert visit.failure is not None and visit.failure.reason is ReasonCode.WRONG_KEY_OR_COUNTER
        imported = await day.hand_in(job.close())
        (order,) = imported.concluded
        assert order.number == number and order.state is State.FAILED
        assert order.reason is ReasonCode.WRONG_KEY_OR_COUNTER and order.commanded == 0


# --- revocation ------------------------------------------------------------------------------


async def test_a_revoked_job_gives_its_orders_back_and_names_the_keys_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order()
        exported = await day.export()
        revoked = await day.desk.revocation.revoke(exported.job.id, "laptop lost")
        assert revoked.orders == (number,) and [k.meter for k in revoked.keys] == [*day.meters]
        assert "laptop lost" in day.journal(number)[-1]
        again = await day.desk.revocation.revoke(exported.job.id, "twice")
        assert again.already and again.job.why == "laptop lost"
        now = day.office_clock.now()
        order = await day.desk.store.run(
            lambda tx: tx.claim("C1", worker="w", now=now, lease_until=now + timedelta(minutes=5))
        )
        assert order is not None and order.number == number


async def test_what_was_done_before_the_revocation_counts_and_after_it_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch, meters=2) as day:
        one, two = day.meters
        before, after = await day.order(meter=one), await day.order(meter=two)
        exported = await day.export()
        job = day.kit.open(exported.job.package)
        await day.visit(job, one, read=False)
        await wait(1)
        await day.desk.revocation.revoke(exported.job.id, "laptop lost")
        await wait(1)
        await day.visit(job, two, read=False)  # the device cannot know
        imported = await day.hand_in(job.close())
        assert [o.number for o in imported.concluded] == [before]
        assert [(c.clash, c.order) for c in imported.conflicts] == [(Clash.REVOKED, after)]
        assert imported.job.state is JobState.REVOKED
        assert (await day.tell(after)).state is State.QUEUED


async def test_the_device_learns_with_its_next_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order()
        first = await day.export()
        job = day.kit.open(first.job.package)
        await day.desk.revocation.revoke(first.job.id, "a mistake")
        second = await day.export()
        assert second.orders == (number,)
        day.kit.open(second.job.package)
        with pytest.raises(NotAllowed, match="was revoked"):
            await day.visit(day.restart_kit().job(job.work.package.job))
        with pytest.raises(NotAllowed, match="was revoked"):
            day.kit.open(first.job.package)


async def test_new_keys_end_what_a_lost_package_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headend.field.direct.key_sessions import KeySessions
    from protocols.dlms.logical_name import LogicalName

    async with begun(tmp_path, monkeypatch) as day:
        await day.order()
        job = day.kit.open((await day.export()).job.package)
        revoked = await day.desk.revocation.revoke(job.work.package.job, "lost")
        converse = KeySessions(
            day.line(), day.desk.shelf.get("sim-3p"), day.desk.vault,
            clock=day.office_clock, chance=day.desk.chance, system_title=day.desk.system_title,
            meter_title=None, role="probe",
        )  # fmt: skip
        (lease,) = revoked.keys
        outcome = await day.desk.revocation.change_keys(
            day.desk.vault, day.desk.chance, lease, converse, LogicalName("0.0.43.0.4.255")
        )
        assert outcome.status is Status.DONE, outcome
        assert await day.desk.revocation.keys_to_change() == ()
        visit = await day.visit(job)  # the thief has not heard
        assert visit.failure is not None and visit.failure.reason is ReasonCode.WRONG_KEY_OR_COUNTER
        assert job.work.book.records[-1].__class__ is Ended


# --- counters --------------------------------------------------------------------------------


async def test_a_meter_beyond_the_lease_is_told_and_the_next_lease_begins_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after another client under the same keys, or a restored database."""
    async with begun(tmp_path, monkeypatch) as day:
        (number,) = day.meters
        exported = await day.export()
        lease = (await day.desk.store.run(lambda tx: tx.job_leases(exported.job.id)))[0]
        # Another lease of the same keys is used first, and far above ours.
        day.desk.clock.off = timedelta(hours=13)  # type: ignore[attr-defined]
        await day.order(deadline=day.office_clock.now() + timedelta(hours=6))
        day.field_clock.off = timedelta(hours=13)
        other = await day.export()
        ahead = day.kit.open(other.job.package)
        assert (await day.visit(ahead, read=False)).failure is None
        day.field_clock.off = timedelta(hours=0)
        day.office_clock.off = timedelta(hours=0)
        (day.folder / "kit" / "journal.jsonl").unlink()
        late = day.restart_kit().open(exported.job.package)
        visit = await day.visit(late, read=False)
        assert visit.failure is not None and "ask for a new package" in visit.failure.next_step
        assert lease.end == LEASE_SIZE + 1
        imported = await day.hand_in(late.close())
        leases = await day.desk.store.run(lambda tx: tx.job_leases(exported.job.id))
        assert leases[0].next_own is not None and leases[0].next_own <= lease.end
        assert imported.conflicts == () and number


# --- an effect that nobody saw ----------------------------------------------------------------


async def test_a_command_whose_effect_is_not_known_is_looked_for_at_the_meter_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No concentrator is asked how it ended: none has heard of it."""
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order(Kind.DISCONNECT)
        job = day.kit.open((await day.export()).job.package)
        power = _Fuse(job.folder.add, at=2)  # begun, acting: gone before the end is written
        object.__setattr__(job.work.book, "paper", power)
        power.lines = job.folder.lines  # type: ignore[attr-defined]
        with pytest.raises(PowerGone):
            await day.visit(job, read=False)
        imported = await day.hand_in(job.folder.lines())
        (order,) = imported.concluded
        assert order.state is State.UNKNOWN and order.commanded == 1
        by_technician = await day.desk.store.run(
            lambda tx: tx.tried_by_technician(number, order.commanded)
        )
        assert by_technician and EffectSearch is not None
        # The device comes back, looks, and hands in the whole.
        again = day.restart_kit().job(job.work.package.job)
        visit = await day.visit(again, read=False)
        assert [s.status for s in visit.steps] == [Status.DONE]
        whole = await day.hand_in(again.close())
        (order,) = whole.concluded
        assert order.state is State.DONE and len(day.told(number)) == 2


async def test_what_the_head_end_found_out_by_itself_meanwhile_is_no_disagreement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order(Kind.DISCONNECT)
        job = day.kit.open((await day.export()).job.package)
        power = _Fuse(job.folder.add, at=2)
        object.__setattr__(job.work.book, "paper", power)
        power.lines = job.folder.lines  # type: ignore[attr-defined]
        with pytest.raises(PowerGone):
            await day.visit(job, read=False)
        await day.hand_in(job.folder.lines())
        again = day.restart_kit().job(job.work.package.job)
        await day.visit(again, read=False)

        def found(tx: Transaction, order: Order) -> None:
            ended = order.to(State.DONE, ended_at=order.accepted_at)
            tx.save_order(ended, at=order.accepted_at, cause="looked for the effect: read back")

        await day.change(number, found)
        imported = await day.hand_in(again.close())
        assert imported.conflicts == () and imported.concluded == () and imported.back == ()


class PowerGone(Exception):
    pass


class _Fuse:
    """A paper whose writer loses power when it comes to a line."""

    def __init__(self, add: Callable[[bytes], None], at: int) -> None:
        self._add, self._left = add, at

    def add(self, line: bytes) -> None:
        if not self._left:
            raise PowerGone
        self._left -= 1
        self._add(line)
