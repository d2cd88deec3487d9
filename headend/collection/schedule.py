"""The reads that come round by themselves: each a low order in the lane of its meter.

A period has one read for each meter, whoever else works on the database and however often this
process starts: the read's correlation id names schedule, meter and period.  What was missed while
the head-end was down is not made up for by a row of reads: registers show the present, and of a
profile all is read that is not here yet.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.collection.asking import BadRead, Reads
from headend.collection.periods import MINUTES, period_of
from headend.collection.rounds import Rounds
from headend.config import CollectionTask, ReadSchedule
from headend.domain.order import SCHEDULED
from headend.orders.accept import Overloaded

SOURCE = "schedule"

_log = structlog.get_logger("collection")


@dataclass(slots=True)
class Scheduling:
    """Places reads when their time has come; `tasks` are collection's."""

    reads: Reads
    schedules: tuple[ReadSchedule, ...]
    zone: ZoneInfo
    tasks: tuple[CollectionTask, ...] = ()
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for schedule in self.schedules:
                group.create_task(self._repeat(schedule), name=f"reads {schedule.model}")
            rounds = Rounds(self.reads, self.zone, self.errors)
            for task in self.tasks:
                group.create_task(rounds.repeat(task), name=f"collects {task.name}")

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
