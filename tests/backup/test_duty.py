"""Backups by schedule: when one is due, and what is said where none comes about."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from headend.access.watch import Watch
from headend.app.backup_duty import BackupDuty, due_at
from headend.app.backups import Place
from headend.chance import SeededChance
from headend.config import BackupPolicy
from tests import databases
from tests.backup.making import NOON, Office, office

pytestmark = databases.on_one

DUE = {
    # every, after_s, now: due
    "the day's, later": ("1d", 7 * 3600.0, "2026-07-06T12:00", "2026-07-06T07:00"),
    "the day's, at once": ("1d", 7 * 3600.0, "2026-07-06T07:00", "2026-07-06T07:00"),
    "the day's, before": ("1d", 7 * 3600.0, "2026-07-06T06:59", "2026-07-05T07:00"),
    "the hour's": ("1h", 600.0, "2026-07-06T12:09", "2026-07-06T11:10"),
    "at midnight": ("6h", 0.0, "2026-07-06T00:00", "2026-07-06T00:00"),
    "before the day's first": ("12h", 7 * 3600.0, "2026-07-06T01:00", "2026-07-05T19:00"),
}


@pytest.mark.parametrize(("every", "after_s", "now", "due"), DUE.values(), ids=DUE)
def test_when_one_is_due(every: str, after_s: float, now: str, due: str) -> None:
    policy = BackupPolicy(every=every, after_s=after_s)  # type: ignore[arg-type]
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert due_at(policy, at) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def duty(it: Office) -> BackupDuty:
    async def note(line: object) -> None: ...

    return BackupDuty(it.config, it.clock, SeededChance(1), Watch(note, it.clock))


async def test_one_a_day(tmp_path: Path) -> None:
    it = await office(tmp_path)
    working = duty(it)
    for hour in range(0, 49, 6):
        it.clock.at = NOON + timedelta(hours=hour)
        assert working.look() == []
    assert it.place.names() == [
        "ami-20260706T120000Z",
        "ami-20260707T120000Z",
        "ami-20260708T120000Z",
    ]


async def test_what_fails_is_told_and_what_is_missed_too(tmp_path: Path) -> None:
    it = await office(tmp_path)
    there = it.config
    away = msgspec.structs.replace(there.backup, place=tmp_path / "away")
    it.config = msgspec.structs.replace(there, backup=away)
    working = duty(it)
    told = []
    for hour in range(0, 96, 3):
        it.clock.at = NOON + timedelta(hours=hour)
        for line in working.look():
            told.append((hour, line.action))
            assert line.security
    failed = [hour for hour, action in told if action == "backup.failed"]
    assert failed == [0, 21, 45, 69, 93], "once each time that one is due"
    missed = [hour for hour, action in told if action == "backup.missed"]
    assert missed == [39, 78]
    (tmp_path / "away").mkdir()
    it.clock.at = NOON + timedelta(hours=120)
    assert working.look() == []
    assert len(list((tmp_path / "away").iterdir())) == 1


@pytest.mark.live
async def test_a_place_that_cannot_be_looked_at_ends_nothing(tmp_path: Path) -> None:
    it = await office(tmp_path)
    working = duty(it)

    class Gone(Place):
        def newest_at(self) -> datetime | None:
            raise OSError("stale file handle")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("headend.app.backup_duty.Place", Gone)
        task = asyncio.create_task(working.run())
        async with asyncio.timeout(30):
            while not working.errors:
                await asyncio.sleep(0.01)
    assert not task.done(), "the other works of the head-end go on too"
    assert "stale file handle" in str(working.errors[0])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
