"""An office with campaigns: meters M1..M9 behind C1, of which some refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from headend.access.desk import By
from headend.campaigns.advancing import Advancing
from headend.campaigns.desk import CampaignDesk
from headend.campaigns.starting import Wanted
from headend.campaigns.steering import Steering, progress
from headend.campaigns.turning import Turning
from headend.chance import SeededChance
from headend.collection.asking import Reads
from headend.domain.account import Caller, Permission
from headend.domain.campaign import CampaignState, Choice, MemberState, Plan, Progress
from headend.domain.order import Kind, Order
from headend.models import Shelf
from headend.orders.accept import Wish
from headend.orders.approve import Approval
from headend.ports import Command, Connectivity, Field, FieldListener, Report
from headend.store import queries
from headend.store.queries import OrderFilter
from protocols.concentrator.messages import Status
from tests.orders import office as orders
from tests.orders.scripted_field import Say, ScriptedField

ANA, EVA = By("ana", "10.0.0.1"), Caller("eva", frozenset({Permission.ORDER_APPROVE}))
METERS = tuple(f"M{number}" for number in range(1, 10))
LIMIT = Wish("", Kind.SET_LIMIT, Decimal(2000), "W")
CUT = Wish("", Kind.DISCONNECT)


@dataclass(slots=True)
class Moody:
    """A field of which some meters are not in their concentrator's table."""

    inner: ScriptedField
    gone: set[str] = field(default_factory=set)

    async def perform(
        self,
        command: Command,
        *,
        on_accepted: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> Report:
        if command.meter in self.gone:
            self.inner.script.append(Say(Status.NOT_IN_TABLE))
        return await self.inner.perform(command, on_accepted=on_accepted, again=again)

    def open(self, concentrator: str) -> bool:
        return self.inner.open(concentrator)

    def connectivity(self, concentrator: str) -> Connectivity:
        return self.inner.connectivity(concentrator)

    def listen(self, listener: FieldListener) -> None:
        self.inner.listen(listener)

    async def withdraw(self, command: Command) -> Report:
        return await self.inner.withdraw(command)

    async def stored(self, command: Command) -> None:
        await self.inner.stored(command)


@dataclass(slots=True)
class Depot:
    """The office, and what looks after campaigns in one life of the process."""

    office: orders.Office
    gone: set[str] = field(default_factory=set)
    starts: int = 0
    advancing: Advancing = field(init=False)
    desk: CampaignDesk = field(init=False)

    def start(self) -> None:
        """Start the process on what the store holds."""
        self.starts += 1
        life = self.office.start(field=self._moody)
        self.advancing, self.desk = self.worker(self.starts)
        life.tasks.append(asyncio.create_task(self.advancing.run(), name="campaigns"))

    def worker(self, number: int) -> tuple[Advancing, CampaignDesk]:
        """One of several that look after the campaigns of the store."""
        office = self.office
        life, chance = office.life, SeededChance(1, "campaigns", number)
        reads = Reads(office.store, office.clock, chance, Shelf(), life.acceptance)
        advancing = Advancing(office.store, office.clock, chance, Turning(life.acceptance, reads))
        approval = Approval(life.settling, life.lanes.wake)
        steering = Steering(life.withdrawal, approval, advancing.wake)
        return advancing, CampaignDesk(office.store, office.clock, reads, steering, advancing.wake)

    async def crash(self) -> None:
        await self.office.crash()
        assert self.advancing.errors == []

    async def begin(
        self, wish: Wish = LIMIT, meters: tuple[str, ...] = METERS, **about: Any
    ) -> int:
        """Start a campaign; its number."""
        plan = Plan(**about.pop("plan", {}))
        wanted = Wanted(wish, Choice(meters), plan, **about)
        return (await self.desk.start(wanted, ANA)).number

    async def progress(self, number: int = 1) -> Progress:
        found = await self.office.store.run(lambda tx: progress(tx, number))
        assert found is not None
        assert found.total.size == found.campaign.size, "a meter is lost, or doubled"
        return found

    async def until(
        self, is_so: Callable[[Progress], bool], number: int = 1, within_s: float = 7200
    ) -> Progress:
        """The progress, once it is so."""
        async with asyncio.timeout(within_s):
            while not is_so(found := await self.progress(number)):
                await asyncio.sleep(1)
        return found

    async def ended(self, number: int = 1, state: CampaignState = CampaignState.DONE) -> Progress:
        found = await self.until(lambda each: each.campaign.ended_at is not None, number)
        assert found.campaign.state is state
        assert found.total.under_way == found.total.waiting == 0
        return found

    def orders_of(self, meter: str, number: int = 1) -> list[Order]:
        """All orders of a meter in a campaign, the first one first."""
        which = OrderFilter(correlation_id=f"campaign/{number}/{meter}")
        return self.office.store.read(lambda found: queries.orders(found, which))[::-1]

    def orders(self, **which: Any) -> list[Order]:
        found = OrderFilter(**which)
        return self.office.store.read(lambda c: queries.orders(c, found, limit=1000))[::-1]

    async def story(self, number: int = 1) -> list[str]:
        lines = await self.office.store.run(lambda tx: tx.campaign_lines(number))
        return [line.what for line in lines]

    async def members(self, state: MemberState, number: int = 1) -> int:
        total = (await self.progress(number)).total
        return int(getattr(total, state.replace("-", "_")))

    def _moody(self, field: Field) -> Field:
        assert isinstance(field, ScriptedField)
        return Moody(field, self.gone)


@asynccontextmanager
async def opened(*gone: str, **policy: Any) -> AsyncIterator[Depot]:
    """A depot; `gone` are meters that refuse.  At its end, nothing may have broken."""
    async with orders.opened(start=False, **policy) as office:
        depot = Depot(office, set(gone))
        depot.start()
        yield depot
        await depot.crash()
