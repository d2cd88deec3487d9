"""The device loses power at any of its durable writes, and goes on: nothing twice or lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devices.meter.history import Deed
from headend.app.visits import OpenJob
from headend.domain.order import Kind, State
from headend.jobs import reconcile
from headend.store.kit import counters, folder, jobs, journal
from protocols.concentrator.messages import Status
from tests.dlms_security.watching import watch
from tests.jobs.day import Day, begun

WRITES_MAX = 32  # as many as a visit takes; the last fuses hold


class PowerGone(BaseException):
    """Not an Exception: nothing in the program may catch it."""


class Fuse:
    """Lets so many durable writes pass, then cuts: before the write or right after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, left: int, *, after: bool) -> None:
        self.left, self.after, self.blown = left, after, False
        for module, name in (
            (jobs, "append"),
            (jobs, "write"),
            (counters, "write"),
            (journal, "append"),
        ):
            monkeypatch.setattr(module, name, self._guarded(getattr(folder, name)))

    def _guarded(self, write: Callable[[Path, bytes], None]) -> Callable[[Path, bytes], None]:
        def guarded(path: Path, octets: bytes) -> None:
            if self.blown:
                return write(path, octets)
            self.left -= 1
            if self.left >= 0:
                return write(path, octets)
            self.blown = True
            if self.after:
                write(path, octets)
            elif path.name == "result":  # the line was half written
                with path.open("ab") as file:
                    file.write(octets[: len(octets) // 2])
            raise PowerGone

        return guarded


async def at_the_meter(day: Day, job: OpenJob, kind: Kind) -> None:
    visit = await day.visit(job)
    assert visit.failure is None, visit.failure


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after it"])
@pytest.mark.parametrize("left", range(WRITES_MAX))
async def test_power_is_lost_at_any_write(
    left: int, after: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(monkeypatch)
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order(Kind.DISCONNECT)
        file = (await day.export()).job.package
        fuse = Fuse(monkeypatch, left, after=after)
        try:
            job = day.kit.open(file)
            await day.visit(job)
            job.close()
        except PowerGone:
            pass
        fuse.blown = True
        kit = day.restart_kit()
        job = kit.open(file) if not job_is_over(kit, file) else kit.job(kit.store.jobs()[0])
        if not job.work.book.over:
            visit = await day.visit(job)
            assert visit.failure is None, visit.failure
            assert {step.status for step in visit.steps} <= {Status.DONE}
        imported = await day.hand_in(job.close())
        assert [o.state for o in imported.concluded] == [State.DONE], imported
        assert imported.conflicts == () and len(day.told(number)) == 2
        (device,) = day.meters.values()
        told = (Deed.RELAY_OPENED, Deed.SUPPLY_UNCHANGED, Deed.STATE_MOVED)
        moved = [h for h in device.history if h.deed in told]
        assert len(moved) == 1, "the supply was cut once"
        counted = [(key, count) for key, title, count in watched.used if title[:3] != b"SIM"]
        assert len(counted) == len(set(counted))


def job_is_over(kit: Any, file: bytes) -> bool:
    """Whether the crash came after the last line."""
    names = kit.store.jobs()
    return bool(names) and kit.job(names[0]).work.book.over


@pytest.mark.parametrize("left", range(12))
async def test_the_office_is_cut_off_while_it_takes_a_result_in(
    left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction: a statement that is never reached takes all before it along."""
    async with begun(tmp_path, monkeypatch) as day:
        number = await day.order()
        job = day.kit.open((await day.export()).job.package)
        await day.visit(job)
        result = job.close()
        words = day.desk.store  # the words of one transaction are counted
        count = [left]

        original = reconcile.Reconciliation._take_in

        def cut(self: Any, tx: Any, octets: bytes, now: Any) -> Any:
            return original(self, _Counted(tx, count), octets, now)

        monkeypatch.setattr(reconcile.Reconciliation, "_take_in", cut)
        try:
            await day.hand_in(result)
            survived = True
        except PowerGone:
            survived = False
        monkeypatch.setattr(reconcile.Reconciliation, "_take_in", original)
        assert words is day.desk.store
        assert (len(day.told(number)) == 2) is survived
        again = await day.hand_in(result)
        assert again.again is survived
        assert (await day.tell(number)).state is State.DONE and len(day.told(number)) == 2


class _Counted:
    """A transaction whose calls are counted down."""

    def __init__(self, tx: Any, left: list[int]) -> None:
        self._tx, self._left = tx, left

    def __getattr__(self, name: str) -> Any:
        word = getattr(self._tx, name)

        def call(*args: Any, **more: Any) -> Any:
            if not self._left[0]:
                raise PowerGone
            self._left[0] -= 1
            return word(*args, **more)

        return call
