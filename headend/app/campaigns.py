"""Wires campaigns, in a head-end and for commands beside one that may run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from headend.access.guard import Guard, Refused
from headend.access.passwords import Passwords
from headend.app.calendar import working_days
from headend.campaigns.advancing import LIVE_IDLE_S, SIMULATED_IDLE_S, Advancing
from headend.campaigns.desk import CampaignDesk
from headend.campaigns.starting import NotStarted, Wanted, wish_with
from headend.campaigns.steering import NotSteered, Steering
from headend.campaigns.turning import Turning
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.collection.asking import Reads
from headend.config import Config
from headend.domain.account import Caller
from headend.models import Shelf
from headend.orders.accept import Acceptance, Wish
from headend.orders.approve import Approval, NotSecond
from headend.orders.settle import Settling
from headend.orders.withdraw import Withdrawal
from headend.store.store import SqlStore

__all__ = [
    "CampaignDesk",
    "NotSecond",
    "NotStarted",
    "NotSteered",
    "Refused",
    "Wanted",
    "Wish",
    "campaign_desk",
    "desk_over",
    "duty_over",
    "proven",
    "wish_with",
]


def duty_over(reads: Reads, *, live: bool) -> Advancing:
    """What gives campaigns their turns."""
    idle_s = LIVE_IDLE_S if live else SIMULATED_IDLE_S
    turning = Turning(reads.acceptance, reads)
    return Advancing(reads.store, reads.clock, reads.chance, turning, idle_s)


def desk_over(
    reads: Reads, settling: Settling, wake_duty: Callable[[], None] = lambda: None
) -> CampaignDesk:
    """Where campaigns are started and steered."""
    approval = Approval(settling, reads.acceptance.wake)
    steering = Steering(Withdrawal(settling), approval, wake_duty)
    return CampaignDesk(reads.store, reads.clock, reads, steering, wake_duty)


@asynccontextmanager
async def campaign_desk(config: Config) -> AsyncIterator[CampaignDesk]:
    """A desk on a head-end's database, for a command.  Raises `StoreUnavailable`."""
    policy = config.orders
    store = SqlStore(config.database, live=True)
    try:
        settling = Settling(SystemChance(), policy, lambda: None)
        acceptance = Acceptance(policy, working_days(policy), settling, lambda lanes: None)
        shelf = Shelf(config.direct.models)
        yield desk_over(Reads(store, WallClock(), SystemChance(), shelf, acceptance), settling)
    finally:
        await store.close()


async def proven(config: Config, account: str, password: str) -> Caller | Refused:
    """Who an account and its password belong to, or why nobody.  Raises `StoreUnavailable`."""
    store = SqlStore(config.database, live=True)
    try:
        guard = Guard(store, WallClock(), Passwords(SystemChance()), config.access)
        return await guard.login(account, password, source="command")
    finally:
        await store.close()
