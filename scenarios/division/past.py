"""The division's past, filled in while it lives: a process of its own, so that nobody waits for
it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from headend.app.registering import registry_desk
from headend.collection.rolling import RollingUp
from headend.collection.validation.desk import Validation
from headend.config import Config
from headend.config.rollup import RollupPolicy
from scenarios.division.feeder_hours import load_month
from scenarios.division.history import fill_month
from scenarios.division.making import ZONE
from scenarios.division.process import Say
from scenarios.division.resting import Resting
from scenarios.utility.model import Utility

GIVES_WAY: Final = 10
"""How much less urgent the meters' month is than whatever else the machine does."""
AT_ONCE: Final = 10
"""Days of meters in a transaction: whoever gives way holds the database for long, and the head-end
waits."""
FEEDERS: Final = "feeders' hours are in"
ROLLED: Final = "rolled up"
VALIDATED: Final = "validated"


@dataclass(frozen=True, slots=True)
class Asked:
    """A division as it stands, how many days it is to have behind it, and the head-end's
    database."""

    utility: Utility
    now: datetime
    days: int
    database: str


async def run(asked: Asked, say: Say, stop: asyncio.Event) -> None:
    """Say each day that is in (`Filled`), then what was made of all of them (`ROLLED`,
    `VALIDATED`); end earlier when the event is set."""
    filling = asyncio.create_task(_fill(asked, say))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({filling, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (filling, stopping):
        task.cancel()
    for ended in await asyncio.gather(filling, stopping, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


async def _fill(asked: Asked, say: Say) -> None:
    async with registry_desk(Config(database=asked.database)) as desk:
        store = Resting(desk.store)
        await load_month(store, asked.utility, asked.now, asked.days)
        say(FEEDERS)
        os.nice(GIVES_WAY)
        await fill_month(store, asked.utility, asked.now, asked.days, say)
        policy = RollupPolicy(enabled=True, days=asked.days + 1)
        await RollingUp(store, desk.clock, ZONE, policy, at_once=AT_ONCE).look()
        say(ROLLED)
        first = desk.now.astimezone(ZONE).date() - timedelta(days=asked.days)
        await Validation(store, desk.clock, ZONE, AT_ONCE).catch_up(first)
        say(VALIDATED)
