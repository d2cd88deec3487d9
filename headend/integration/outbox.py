"""The outbox: everything owed to the commercial side leaves at least once, in sequence per order.

A row is settled only by its consumer's own acknowledgement: the reply to a SOAP callback, the
receipt on the queue's receipt topic, the commit of the legacy database.  A broker's PUBACK settles
nothing, because a broker may acknowledge a message nobody is subscribed to (facts/stack.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from headend.config import Delivery
from headend.ports import Chance, Clock, Outgoing, Store, Transaction

BATCH = 100
AT_ONCE = 8  # deliveries under way at once; a slow callback must not hold back the queue

_log = structlog.get_logger("outbox")


class NotDelivered(Exception):
    """The consumer was not reached or did not acknowledge; the row is tried again later."""


class Channel(Protocol):
    """One way out."""

    async def deliver(self, outgoing: Outgoing) -> bool:
        """Hand the message over.  True when the consumer's acknowledgement is in hand, False when
        it comes later by `Outbox.acknowledged`.  Raises `NotDelivered`."""
        ...


@dataclass(slots=True)
class Outbox:
    """Delivers what is due, and settles what was acknowledged."""

    store: Store
    clock: Clock
    chance: Chance
    policy: Delivery
    channels: Mapping[str, Channel]
    errors: list[Exception] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Something was posted or settled: look now."""
        self._bell.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                self._bell.clear()
                for outgoing in await self._take_due():
                    await slots.acquire()
                    task = group.create_task(self._deliver(outgoing))
                    task.add_done_callback(lambda _: slots.release())
                await self._wait_for_work()

    async def acknowledged(self, message_id: str) -> None:
        """The consumer has stored the message."""
        now = self.clock.now()
        if await self.store.run(lambda tx: tx.settle(message_id, at=now)):
            self.wake()

    async def _take_due(self) -> list[Outgoing]:
        """Count a try for each row before it leaves: a crash then delays a row, and loses none."""
        now = self.clock.now()
        jitter = self.chance.uniform("outbox", 0.75, 1.25)
        channels = tuple(self.channels)

        def work(tx: Transaction) -> list[Outgoing]:
            due = [row for row in tx.due_outgoing(now, BATCH) if row.channel in channels]
            for row in due:
                tx.postpone(row.message_id, until=now + self._backoff(row.tries, jitter))
            return due

        return await self.store.run(work)

    async def _deliver(self, outgoing: Outgoing) -> None:
        try:
            acknowledged = await self.channels[outgoing.channel].deliver(outgoing)
        except NotDelivered as error:
            _log.warning(
                "not delivered",
                channel=outgoing.channel,
                order=outgoing.order,
                message_id=outgoing.message_id,
                tries=outgoing.tries + 1,
                why=str(error),
            )
            return
        except Exception as error:
            # One message's trouble must not stop the others; it is kept, told, and tried again.
            self.errors.append(error)
            _log.exception("delivery broke", channel=outgoing.channel, order=outgoing.order)
            return
        if acknowledged:
            await self.acknowledged(outgoing.message_id)

    async def _wait_for_work(self) -> None:
        due = await self.store.run(lambda tx: tx.next_outgoing_due())
        timeout = None if due is None else max(0.05, self._seconds_until(due))
        try:
            async with asyncio.timeout(timeout):
                await self._bell.wait()
        except TimeoutError:
            pass

    def _seconds_until(self, due: datetime) -> float:
        return (due - self.clock.now()).total_seconds()

    def _backoff(self, tries: int, jitter: float) -> timedelta:
        seconds = min(self.policy.retry_first_s * 2 ** min(tries, 16), self.policy.retry_max_s)
        return timedelta(seconds=seconds * jitter)
