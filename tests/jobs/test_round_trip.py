"""From the office to the meter and back: orders, readings, counters."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from devices.meter.identity import PROBE_CLIENT
from headend.app.jobs import NotExported
from headend.app.visits import BadKit, JobRefused, NotAllowed
from headend.domain.evidence import Source
from headend.domain.job import Authorisation, JobState
from headend.domain.order import Kind, State
from headend.jobs.export import BRING_BACK, LEASE_SIZE
from headend.store import event_queries
from protocols.concentrator.messages import Status
from tests import databases
from tests.jobs.day import LAPTOP, begun, wait


@databases.sqlite_only("its file is carried away")
async def test_a_day_without_the_head_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with begun(tmp_path, monkeypatch, meters=2) as day:
        one, two = day.meters
        limit = await day.order(Kind.SET_LIMIT, one, amount=Decimal(3300))
        cut = await day.order(Kind.DISCONNECT, two)
        exported = await day.export()
        assert exported.orders == (limit, cut) and exported.left_out == ()
        await day.desk.close()
        (tmp_path / "ami.db").rename(tmp_path / "away")  # whatever it is, the device has it not

        job = day.kit.open(exported.job.package)
        for meter in (one, two):
            visit = await day.visit(job, meter)
            assert visit.failure is None, visit.failure
            assert [step.status for step in visit.steps] == [Status.DONE]
            assert len(visit.read) > 5
            await wait(1)
        result = job.close()

        (tmp_path / "away").rename(tmp_path / "ami.db")
        await day.restart_desk()
        imported = await day.hand_in(result)
        assert [(o.number, o.state) for o in imported.concluded] == [
            (limit, State.DONE),
            (cut, State.DONE),
        ]
        assert imported.conflicts == () and imported.back == () and imported.readings > 10
        assert imported.job.state is JobState.CLOSED

        order = await day.tell(limit)
        assert order.value_read is not None and order.value_read.limit == Decimal(3300)
        assert [e.source for e in order.evidence] == [Source.TECHNICIAN]
        assert f"job {exported.job.id}, {LAPTOP}" in order.evidence[0].text
        assert [(m.kind, m.ok) for m in day.told(limit)] == [("reply", True), ("event", True)]
        assert (await day.tell(cut)).state is State.DONE
        leases = await day.desk.store.run(lambda tx: tx.job_leases(exported.job.id))
        for lease in leases:
            assert lease.next_own is not None and lease.first < lease.next_own < lease.end

        again = await day.hand_in(result)
        assert again.again and again.concluded == ()
        assert len(day.told(limit)) == 2, "twice is once"


async def test_while_a_job_holds_an_order_no_lane_claims_it_and_its_hold_ends_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order()
        exported = await day.export()

        async def claimed() -> int | None:
            now = day.office_clock.now()
            until = now + timedelta(minutes=5)
            order = await day.desk.store.run(
                lambda tx: tx.claim("C1", worker="w", now=now, lease_until=until)
            )
            return None if order is None else order.number

        assert exported.orders == (number,) and await claimed() is None
        await wait(6 + BRING_BACK.total_seconds() / 3600 - 0.1)  # its deadline comes before
        assert await claimed() is None
        await wait(0.2)
        assert await claimed() == number


async def test_what_is_not_done_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order()
        job = day.kit.open((await day.export()).job.package)
        imported = await day.hand_in(job.close())
        assert imported.back == (number,) and imported.concluded == ()
        order = await day.tell(number)
        assert order.state is State.QUEUED and order.attempts == 0
        assert "back from the technician" in day.journal(number)[-1]
        now = day.office_clock.now()
        claimed = await day.desk.store.run(
            lambda tx: tx.claim("C1", worker="w", now=now, lease_until=now + timedelta(minutes=5))
        )
        assert claimed is not None and claimed.number == number


LEFT_OUT = {
    "no such meter": ({"meters": ("nobody",)}, "there is no such meter"),
    "a model without a client for jobs": ({"meters": ("generic",)}, "works_as"),
    "no keys": ({"meters": ("keyless",)}, "ami job keys"),
    "too long": ({"valid": timedelta(days=30)}, "at most 7 days"),
    "not at all": ({"valid": timedelta(0)}, "--valid"),
    "an unknown device": ({"device": "nobody"}, "ami job devices"),
    "an unknown order": ({"orders": (99,)}, "no order 99"),
}


@pytest.mark.parametrize(("how", "why"), LEFT_OUT.values(), ids=LEFT_OUT)
async def test_no_package_without_all_that_it_takes(
    how: dict[str, object], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headend.domain.meter import Meter

    async with begun(tmp_path, monkeypatch) as day:
        others = [
            Meter("generic", "C1", commissioned=True),
            Meter("keyless", "C1", commissioned=True, model="sim-3p"),
        ]
        await day.desk.store.run(lambda tx: tx.put_meters(others))
        with pytest.raises(NotExported, match=why):
            await day.export(**how)
        assert await day.desk.store.run(lambda tx: tx.jobs()) == []


async def test_a_counter_that_nobody_knows_is_not_leased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch, next_counter=None) as day:
        with pytest.raises(NotExported, match="invocation counter"):
            await day.export()


async def test_a_meter_is_in_one_open_job_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        first = await day.export()
        with pytest.raises(NotExported, match=f"ami job revoke {first.job.id}"):
            await day.export()
        await wait(13)
        second = await day.export()
        leases = [
            (await day.desk.store.run(lambda tx, job=each.job: tx.job_leases(job.id)))[0]
            for each in (first, second)
        ]
        assert leases[0].end == leases[1].first == 1 + LEASE_SIZE


async def test_read_only_reads_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order()
        exported = await day.export(authorisation=Authorisation.READ_ONLY)
        assert exported.orders == () and "read-only" in str(exported.left_out[0])
        visit = await day.visit(day.kit.open(exported.job.package))
        assert visit.steps == () and visit.read
        assert (await day.tell(number)).state is State.QUEUED


async def test_a_status_word_that_the_technician_read_makes_its_event_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        (meter,) = day.meters
        day.meters[meter].journal.alarms[1] |= 1 << 13
        exported = await day.export(authorisation=Authorisation.READ_ONLY)
        job = day.kit.open(exported.job.package)
        await day.visit(job)
        read_at = day.office_clock.now()
        await wait(3)
        result = job.close()
        for _ in range(2):  # handed in twice
            await day.hand_in(result)
        found = day.desk.store.read(lambda c: event_queries.events(c, event_queries.EventFilter()))
        (event,) = [each.event for each in found if each.event.name == "keys-changed"]
        assert event.device == meter
        assert abs(event.at - read_at) < timedelta(minutes=10), "known since the visit"


async def test_the_device_refuses_what_the_package_does_not_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expired, not begun, a clock set back: each with what to do."""
    async with begun(tmp_path, monkeypatch) as day:
        await day.order()
        day.office_clock.off = timedelta(hours=1)
        file = (await day.export()).job.package
        day.office_clock.off = timedelta(0)
        with pytest.raises(NotAllowed, match="not valid before"):
            day.kit.open(file)
        day.field_clock.off = timedelta(hours=-1)
        with pytest.raises(NotAllowed, match="set back"):
            day.kit.open(file)
        day.field_clock.off = timedelta(hours=14)
        with pytest.raises(NotAllowed, match="expired"):
            day.kit.open(file)
        day.field_clock.off = timedelta(hours=1)
        job = day.kit.open(file)
        await wait(12.5)
        with pytest.raises(NotAllowed, match="expired"):
            await day.visit(job)
        day.field_clock.off = timedelta(hours=-6)  # within the package's time again
        with pytest.raises(NotAllowed, match="expired|set back"):
            await day.visit(day.restart_kit().job(job.work.package.job))


async def test_a_clock_that_was_set_back_shows_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        await day.order()
        job = day.kit.open((await day.export()).job.package)
        await wait(5)
        await day.visit(job)
        day.field_clock.off = timedelta(hours=-3)
        kit = day.restart_kit()
        with pytest.raises(NotAllowed, match="set back"):
            await day.visit(kit.job(job.work.package.job))


async def test_an_order_has_a_time_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        at = day.office_clock.now()
        soon = await day.order(deadline=at + timedelta(hours=2))
        later = await day.order(
            Kind.DISCONNECT, ready_at=at + timedelta(hours=3), not_before=at + timedelta(hours=3)
        )
        job = day.kit.open((await day.export()).job.package)
        await wait(2.5)
        visit = await day.visit(job)
        assert [step.said.split(":")[0] for step in visit.steps] == ["too late", "not yet"]
        assert not any(visit.failure or step.status for step in visit.steps)
        await wait(1)
        assert [s.status for s in (await day.visit(job)).steps] == [None, Status.DONE]
        imported = await day.hand_in(job.close())
        assert [o.number for o in imported.concluded] == [later] and imported.back == (soon,)


async def test_the_working_day_bounds_what_is_bound_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package over midnight on a Friday lets nothing be cut on Saturday."""
    async with begun(tmp_path, monkeypatch) as day:
        day.office_clock.off = day.field_clock.off = timedelta(days=4)  # Friday noon
        at = day.office_clock.now()
        bound = await day.order(deadline=at + timedelta(days=3))
        free = await day.order(Kind.CONNECT, any_day=True, deadline=at + timedelta(days=3))
        exported = await day.export(valid=timedelta(days=2))
        taken = await day.desk.store.run(lambda tx: tx.taken_orders(exported.job.id))
        ends = {order.number: order.not_after for order in taken}
        assert ends[bound].isoformat() == "2026-07-11T04:00:00+00:00"  # midnight in Santiago
        assert ends[free] == exported.job.expires_at


async def test_a_meter_that_is_not_in_the_package_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch, meters=2) as day:
        one, two = day.meters
        await day.order(meter=one)
        job = day.kit.open((await day.export(meters=(one,))).job.package)
        with pytest.raises(NotAllowed, match=f"{two} is not in the package"):
            await day.visit(job, two)
        visit = await day.visit(job, two, name=one)  # the technician is mistaken
        assert visit.failure is not None and "key" in str(visit.failure)


async def test_two_commands_at_once_do_not_write_one_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch, meters=2) as day:
        one, two = day.meters
        await day.order(meter=one)
        job = day.kit.open((await day.export()).job.package)
        other = day.kit.job(job.work.package.job)
        with job.folder.held(), pytest.raises(BadKit, match="another ami works on this job"):
            await day.visit(other, one)
        assert (await day.visit(job, one)).failure is None
        assert (await day.visit(other, two)).failure is None, "it knows what the first one wrote"
        assert (await day.hand_in(other.close())).job.state is JobState.CLOSED


async def test_another_device_or_a_head_end_that_nobody_introduced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(tmp_path, monkeypatch) as day:
        await day.order()
        file = (await day.export()).job.package
        other = day.restart_kit()  # the same folder: the same device
        assert other.keys.card == day.kit.keys.card
        from headend.app.visits import job_kit
        from headend.chance import SeededChance

        stranger = job_kit("x", tmp_path / "other", clock=day.field_clock, chance=SeededChance(9))
        with pytest.raises(JobRefused, match="believes no head-end"):
            stranger.open(file)
        stranger.believe(day.desk.card)
        with pytest.raises(JobRefused, match="another device"):
            stranger.open(file)


async def test_keys_lie_nowhere_in_the_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In no file of office or device, and not in the result: meters' keys, and the device's own."""
    async with begun(tmp_path, monkeypatch) as day:
        await day.order()
        exported = await day.export(passphrase="monte")
        (tmp_path / "day.job").write_bytes(exported.job.package)
        job = day.kit.open(exported.job.package, passphrase="monte")
        await day.visit(job)
        result = job.close()
        await day.hand_in(result)
        keys = next(iter(day.meters.values())).identity.keys(PROBE_CLIENT)
        device = day.kit.keys
        secrets = [
            keys.encryption, keys.authentication, device.opening, device.signer.seed,
            day.desk.signer.seed,
        ]  # fmt: skip
        await day.desk.close()
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len(files) >= 7
        for path in files:
            octets = path.read_bytes()
            for secret in secrets:
                assert secret not in octets, path
                assert secret.hex().encode() not in octets.lower(), path
        master = next(iter(day.meters.values())).identity.master_key(PROBE_CLIENT)
        assert master is not None and master not in repr(job.work.package).encode()
        assert not hasattr(job.work.package.meters[0].keys, "master")
