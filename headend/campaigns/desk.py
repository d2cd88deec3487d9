"""Where commands and REST start and steer campaigns, and where held orders are decided on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from headend.access.desk import By
from headend.campaigns.starting import Wanted, start
from headend.campaigns.steering import Steered, Steering
from headend.collection.asking import Reads
from headend.domain.account import Caller
from headend.domain.campaign import Campaign
from headend.domain.order import Order
from headend.orders import approve as approval
from headend.orders.approve import Decided, NotSecond
from headend.ports import Clock, Store, Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CampaignDesk:
    """Every word returns once it is safe on disk.  All raise `NotStarted` or `NotSteered`."""

    store: Store
    clock: Clock
    reads: Reads
    steering: Steering
    wake: Callable[[], None]  # the duty, where it is in this process

    async def start(self, wanted: Wanted, by: By) -> Campaign:
        """Begin one."""
        now = self.clock.now()
        campaign = await self.store.run(lambda tx: start(tx, wanted, by, now, self.reads))
        self.wake()
        return campaign

    async def pause(self, number: int, by: By, why: str = "") -> Campaign:
        return await self._steered(lambda tx, now: self.steering.pause(tx, number, by, now, why))

    async def resume(self, number: int, by: By) -> Campaign:
        return await self._steered(lambda tx, now: self.steering.resume(tx, number, by, now))

    async def cancel(self, number: int, by: By, why: str = "") -> Campaign:
        return await self._steered(lambda tx, now: self.steering.cancel(tx, number, by, now, why))

    async def retry(self, number: int, by: By) -> Campaign:
        return await self._steered(lambda tx, now: self.steering.retry(tx, number, by, now))

    async def approve(self, number: int, by: Caller, *, source: str) -> Campaign:
        """Raises `NotSecond` besides."""
        done = self._steered(lambda tx, now: self.steering.approve(tx, number, by, now, source))
        return await self._second(by, source, done)

    async def refuse(self, number: int, by: Caller, *, source: str) -> Campaign:
        return await self._steered(
            lambda tx, now: self.steering.refuse(tx, number, by, now, source)
        )

    async def approve_orders(
        self, choose: Callable[[Transaction], Sequence[Order]], by: Caller, *, source: str
    ) -> Decided:
        """Let held orders through.  Raises `NotSecond`, and what `choose` raises."""
        word, now = self.steering.approval.approve, self.clock.now()
        done = self._decided(lambda tx: word(tx, choose(tx), by, at=now, source=source))
        return await self._second(by, source, done)

    async def refuse_orders(
        self, choose: Callable[[Transaction], Sequence[Order]], by: Caller, *, source: str
    ) -> Decided:
        """End held orders.  Raises what `choose` raises."""
        word, now = self.steering.approval.refuse, self.clock.now()
        return await self._decided(lambda tx: word(tx, choose(tx), by, at=now, source=source))

    async def _steered(self, work: Callable[[Transaction, datetime], Steered]) -> Campaign:
        now = self.clock.now()
        steered = await self.store.run(lambda tx: work(tx, now))
        self.steering.announce(steered)
        return steered.campaign

    async def _decided(self, work: Callable[[Transaction], Decided]) -> Decided:
        decided = await self.store.run(work)
        self.steering.approval.announce(decided)
        return decided

    async def _second(self, by: Caller, source: str, done: Awaitable[T]) -> T:
        """Write down that somebody tried to be their own second person."""
        try:
            return await done
        except NotSecond as error:
            refused, now = error, self.clock.now()
            await self.store.run(lambda tx: approval.refused(tx, refused, by, now, source))
            raise
