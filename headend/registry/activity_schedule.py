"""What the configuration has concentrators asked, by the utility's calendar: whose turn is when.

A period's turns are spread over its first part, each concentrator always at the same moment, so
that neither the network nor the head-end gets them all at once.  A turn is kept under a
key of its own, so it comes once, whoever looks and however often; one that was missed is made up
for as long as its period lasts, and an older one is not.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.collection.periods import MINUTES, period_of
from headend.config import ConcentratorPolicy, ScheduledActivity
from headend.domain.activity import Activity, ActivityKind
from headend.ports import Clock, Store, Transaction
from headend.ports.words.activities import ActivityWords

STEPS = 60
"""Into so many moments a spread is divided."""
LOOK_S = 300.0  # a concentrator that was entered meanwhile has its turn too

_log = structlog.get_logger("activities")


@dataclass(frozen=True, slots=True)
class Turn:
    """When a concentrator is asked, and until when it may answer: its period's end."""

    schedule: str
    kind: ActivityKind
    concentrator: str
    at: datetime
    begun: datetime
    until: datetime

    @property
    def activity(self) -> Activity:
        """What is kept of it."""
        key = f"{self.schedule}/{self.concentrator}/{self.begun:%Y%m%dT%H%M%SZ}"
        by = f"schedule:{self.schedule}"
        return Activity(0, self.concentrator, self.kind, by, self.at, self.until, key=key)


@dataclass(slots=True)
class ActivitySchedule:
    """Asks when a turn has come; `wake` has what was asked carried out."""

    store: Store
    clock: Clock
    policy: ConcentratorPolicy
    zone: ZoneInfo
    wake: Callable[[], None]
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            rest_s = LOOK_S
            try:
                rest_s = await self.look()
            except Exception as error:
                trouble.note(self.errors, _log, "no scheduled activities", error)
            await asyncio.sleep(rest_s)

    async def look(self) -> float:
        """Ask those whose turn has come; seconds until the next one's, or another look."""
        now = self.clock.now()

        def work(tx: Transaction) -> tuple[int, datetime | None]:
            asked, following = 0, None
            for schedule in self.policy.activity:
                for turn in turns(schedule, meant(tx, schedule), now, self.zone):
                    if turn.at <= now:
                        asked += tx.add_activity(turn.activity) is not None
                    else:
                        following = min(following or turn.at, turn.at)
            return asked, following

        asked, following = await self.store.run(work)
        if asked:
            self.wake()
        if following is None:
            return LOOK_S
        return min((following - now).total_seconds(), LOOK_S)


def meant(tx: ActivityWords, schedule: ScheduledActivity) -> list[str]:
    """The concentrators that a schedule asks, by name; those that there are not are left out."""
    if schedule.place is not None:
        return tx.concentrators_in(schedule.place)
    known = tx.concentrator_names()
    if not schedule.concentrators:
        return known
    return [name for name in known if name in schedule.concentrators]


def turns(
    schedule: ScheduledActivity, concentrators: Iterable[str], now: datetime, zone: ZoneInfo
) -> list[Turn]:
    """The turns of the period under way."""
    after = timedelta(seconds=schedule.after_s)
    begun, until = period_of(now - after, MINUTES[schedule.every], zone)
    begun, until = begun + after, until + after
    kind = ActivityKind(schedule.kind)
    return [
        Turn(
            schedule.name,
            kind,
            name,
            begun + offset_of(schedule, name, until - begun),
            begun,
            until,
        )
        for name in concentrators
    ]


def following(turn: Turn, schedule: ScheduledActivity, now: datetime, zone: ZoneInfo) -> Turn:
    """This one where it is still to come, or else the concentrator's next."""
    if turn.at > now:
        return turn
    (later,) = turns(schedule, [turn.concentrator], turn.until, zone)
    return later


def offset_of(schedule: ScheduledActivity, concentrator: str, period: timedelta) -> timedelta:
    """When in a period a concentrator has its turn: always at the same moment, and each
    elsewhere; within its first half at the latest, so that there is time to answer."""
    spread = min(timedelta(seconds=schedule.spread_s), period / 2)
    step = zlib.crc32(f"{schedule.name}/{concentrator}".encode()) % STEPS
    return spread * step / STEPS
