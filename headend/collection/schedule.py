"""The reads that come round by themselves: each a low order in the lane of its meter.

A period has one read for each meter, whoever else works on the database and however often this
process starts: the read's correlation id names schedule, meter and period.  What was missed while
the head-end was down is not made up for by a row of reads: registers show the present, and profiles
keep the past.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.collection.asking import BadRead, Reads
from headend.config import ReadSchedule
from headend.domain.order import SCHEDULED
from headend.orders.accept import Overloaded

SOURCE = "schedule"
MINUTES = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "6h": 360, "12h": 720, "1d": 1440}

_log = structlog.get_logger("collection")


@dataclass(slots=True)
class Scheduling:
    """Places reads when their time has come."""

    reads: Reads
    schedules: tuple[ReadSchedule, ...]
    zone: ZoneInfo
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for schedule in self.schedules:
                group.create_task(self._repeat(schedule), name=f"reads {schedule.model}")

    async def _repeat(self, schedule: ReadSchedule) -> None:
        clock = self.reads.clock
        while True:
            begun, following = period_of(clock.now(), MINUTES[schedule.every], self.zone)
            try:
                await self._place(schedule, begun, following)
            except Exception as error:
                trouble.note(self.errors, _log, "no scheduled reads", error, model=schedule.model)
            await asyncio.sleep(max(0.0, (following - clock.now()).total_seconds()))

    async def _place(self, schedule: ReadSchedule, begun: datetime, until: datetime) -> None:
        store = self.reads.store
        for meter in await store.run(lambda tx: tx.direct_meters(schedule.model)):
            key = f"{SOURCE}/{schedule.every}/{meter.name}/{begun:%Y%m%dT%H%MZ}"
            if await store.run(lambda tx, key=key: tx.orders_of(correlation_id=key)):  # type: ignore[misc]
                continue
            try:
                await self.reads.place(
                    meter.name,
                    schedule.objects,
                    source=SOURCE,
                    deadline=until,
                    priority=SCHEDULED,
                    correlation_id=key,
                )
            except BadRead as error:
                _log.error("a schedule that cannot be read", model=schedule.model, why=str(error))
                return
            except Overloaded:
                _log.warning("too many orders wait; reads left out", model=schedule.model)
                return


def period_of(now: datetime, minutes: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end of the present period, counted from midnight of the zone; UTC.

    A day on which the clocks change has one period more or less, or a longer last one.
    """
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    next_midnight = (midnight + timedelta(days=1)).astimezone(UTC)
    begun = midnight.astimezone(UTC)
    passed = int((now - begun).total_seconds() // (60 * minutes))
    begun += timedelta(minutes=minutes * passed)
    return begun, min(begun + timedelta(minutes=minutes), next_midnight)
