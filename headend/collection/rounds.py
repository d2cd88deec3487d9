"""Collection's tasks for meters that no concentrator collects from: an order of each, each round.

A round begins when its task falls due at concentrators too, and its orders are spread over the
first part of it, each meter always at the same moment, so that neither the network nor the lanes
get them all at once.  An order that is not done by the round's end expires; the next one reads from
the last row that is here, so rounds that were missed are made up for by one.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.collection.asking import BadRead, Reads
from headend.collection.periods import MINUTES, MONTH, WEEK, month_of, period_of, week_of
from headend.collection.tasks import group_of
from headend.config import CollectionTask
from headend.domain.meter import Meter
from headend.domain.order import SCHEDULED
from headend.orders.accept import Overloaded

SOURCE = "collection"
SPREAD_MAX = timedelta(hours=1)
STEPS = 60
"""Into so many moments a spread is divided: each is one look at who is next."""

_log = structlog.get_logger("collection")


@dataclass(frozen=True, slots=True)
class Round:
    """One time that a task is due.  Orders go out from `begun` on, and are good `until`."""

    begun: datetime
    until: datetime
    following: datetime
    spread_max: timedelta = SPREAD_MAX

    @property
    def spread(self) -> timedelta:
        """Over how long its orders are spread: half of the time that they have, at most."""
        return min((self.until - self.begun) / 2, self.spread_max)


@dataclass(slots=True)
class Rounds:
    """Places the orders of tasks when their time has come."""

    reads: Reads
    zone: ZoneInfo
    errors: list[Exception] = field(default_factory=list)

    async def repeat(self, task: CollectionTask) -> None:
        """Until cancelled."""
        clock = self.reads.clock
        while True:
            now = clock.now()
            this = round_of(task, now, self.zone)
            try:
                await self._place(task, this)
            except Exception as error:
                trouble.note(self.errors, _log, "no collection", error, task=task.name)
            await asyncio.sleep(max(0.0, (this.following - clock.now()).total_seconds()))

    async def _place(self, task: CollectionTask, this: Round) -> None:
        store, clock = self.reads.store, self.reads.clock
        of = group_of(task)
        meters = await store.run(lambda tx: tx.group_members(of, direct=True))
        for at, group in _in_steps(task, this, meters):
            await asyncio.sleep(max(0.0, (at - clock.now()).total_seconds()))
            if clock.now() >= this.until:
                return
            for meter in group:
                if not await self._ask(task, this, meter):
                    return

    async def _ask(self, task: CollectionTask, this: Round, meter: Meter) -> bool:
        """Place one order, unless an earlier life of ours has; False: there is no room for more."""
        key = f"{SOURCE}/{task.name}/{meter.name}/{this.begun:%Y%m%dT%H%MZ}"
        if await self.reads.store.run(lambda tx: tx.orders_of(correlation_id=key)):
            return True
        try:
            await self.reads.place(
                meter.name,
                task.objects,
                source=SOURCE,
                deadline=this.until,
                priority=SCHEDULED,
                correlation_id=key,
                rows=task.kind != "registers",
            )
        except BadRead as error:
            _log.error(
                "a task that cannot be read", task=task.name, meter=meter.name, why=str(error)
            )
        except Overloaded:
            _log.warning("too many orders wait; the rest is left to the next", task=task.name)
            return False
        return True


def round_of(task: CollectionTask, now: datetime, zone: ZoneInfo) -> Round:
    """The round under way: the last one that has begun."""
    after = timedelta(seconds=task.after_s)
    if task.every == MONTH:
        begun, following = month_of(now - after, zone)
    elif task.every == WEEK:
        begun, following = week_of(now - after, zone)
    else:
        begun, following = period_of(now - after, MINUTES[task.every], zone)
    begun, following = begun + after, following + after
    until = following
    if task.window_s:
        until = min(until, begun + timedelta(seconds=task.window_s))
    if task.spread_s is None:
        return Round(begun, until, following)
    return Round(begun, until, following, timedelta(seconds=task.spread_s))


def offset_of(task: str, meter: str, spread: timedelta) -> timedelta:
    """When in the spread a meter has its turn: always at the same moment, and each elsewhere."""
    step = zlib.crc32(f"{task}/{meter}".encode()) % STEPS
    return spread * step / STEPS


def _in_steps(
    task: CollectionTask, this: Round, meters: Iterable[Meter]
) -> list[tuple[datetime, list[Meter]]]:
    """Who has its turn when.  A meter by gateway is its concentrator's to collect from."""
    steps: dict[datetime, list[Meter]] = {}
    for meter in meters:
        if not meter.by_gateway and meter.commissioned and not meter.blocked:
            at = this.begun + offset_of(task.name, meter.name, this.spread)
            steps.setdefault(at, []).append(meter)
    return sorted(steps.items())
