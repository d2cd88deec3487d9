"""Backups by schedule, one worker's duty; one that fails or is missed is a security event."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from headend import trouble
from headend.access import lines
from headend.access.watch import Watch
from headend.app.backups import Place, create, verify
from headend.app.key_storage import envelope_of
from headend.backup.sealing import BackupKey
from headend.config import BackupPolicy, Config
from headend.domain.audit import AuditLine, Severity
from headend.ports import Chance, Clock

LOOK_S = 60.0
EVERY = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "12h": timedelta(hours=12),
    "1d": timedelta(days=1),
}

_log = structlog.get_logger("backup")


def due_at(policy: BackupPolicy, now: datetime) -> datetime:
    """The last time at which a backup fell due."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first, every = midnight + timedelta(seconds=policy.after_s), EVERY[policy.every]
    return first + every * ((now - first) // every)


@dataclass(slots=True)
class BackupDuty:
    """Makes a backup when one is due, and opens it to see that it is whole."""

    config: Config
    clock: Clock
    chance: Chance
    watch: Watch
    errors: list[Exception] = field(default_factory=list)
    _tried: datetime | None = None  # when the last one was due that was tried
    _told: datetime | None = None  # since when it counts as told how old the newest is

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                for line in await asyncio.to_thread(self.look):
                    self.watch.saw(line)
            except Exception as error:  # a place that cannot be looked at, first of all
                trouble.note(self.errors, _log, "no look at backups", error)
            await asyncio.sleep(LOOK_S)

    def look(self) -> list[AuditLine]:
        """Make a backup where one is due; what the audit log has to say of it.  It waits for
        disks: not for the loop's thread."""
        policy, now = self.config.backup, self.clock.now()
        assert policy.place is not None, "a schedule has a place"
        place, due = Place(policy.place), due_at(policy, now)
        failed, newest = [], place.newest_at()
        if (newest is None or newest < due) and self._tried != due:
            self._tried = due
            failed = self._make(place)
            newest = place.newest_at()
        return failed + self._late(newest, now)

    def _make(self, place: Place) -> list[AuditLine]:
        path = self.config.backup.key_file
        try:
            key = None if path is None else BackupKey.from_file(path)
            made = create(self.config, clock=self.clock, chance=self.chance, place=place, key=key)
            verify(place, made.manifest.name, key, envelope=envelope_of(self.config))
        except Exception as error:  # whatever it is, somebody has to know
            _log.error("no backup", why=str(error))
            why = f"{type(error).__name__}: {error}"
            return [self._line("backup.failed", str(place.folder), why)]
        _log.info("backup made", name=made.manifest.name, octets=made.manifest.octets)
        return []

    def _late(self, newest: datetime | None, now: datetime) -> list[AuditLine]:
        """Once in so long as a backup may be old, that the newest is older than that."""
        late = timedelta(seconds=self.config.backup.late_after_s)
        if newest is not None and now - newest <= late:
            self._told = None
            return []
        if self._told is None and newest is None:
            self._told = now  # it has just begun, or the place was emptied: there is time
        if self._told is not None and now - self._told <= late:
            return []
        self._told = now
        told = "there is none" if newest is None else f"the newest is of {newest:%Y-%m-%d %H:%M}Z"
        return [self._line("backup.missed", str(self.config.backup.place), told)]

    def _line(self, action: str, subject: str, why: str) -> AuditLine:
        return lines.seen(self.clock.now(), action, subject, why, severity=Severity.ERROR)
