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

from headend import trouble
from headend.config import Delivery
from headend.ports import Chance, Clock, Outgoing, Store, Transaction

BATCH = 100
REST_S = 5.0  # after trouble of our own, the database's among it
POLL_S = 30.0  # how soon a row is noticed that another process posted, such as `ami job import`
AT_ONCE = 8  # deliveries of one channel under way at once

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
    """Delivers what is due, each channel by itself: a slow callback holds back no queue."""

    store: Store
    clock: Clock
    chance: Chance
    policy: Delivery
    channels: Mapping[str, Channel]
    errors: list[Exception] = field(default_factory=list)
    _bells: dict[str, asyncio.Event] = field(default_factory=dict)

    def wake(self) -> None:
        """Something was posted or settled: look now."""
        for bell in self._bells.values():
            bell.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name in self.channels:
                group.create_task(self._serve(name), name=f"outbox {name}")

    async def acknowledged(self, message_id: str) -> None:
        """The consumer has stored the message."""
        now = self.clock.now()
        if await self.store.run(lambda tx: tx.settle(message_id, at=now)):
            self.wake()

    async def _serve(self, name: str) -> None:
        bell = self._bells[name] = asyncio.Event()
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                bell.clear()
                try:
                    for outgoing in await self._take_due(name):
                        await slots.acquire()
                        task = group.create_task(self._deliver(outgoing))
                        task.add_done_callback(lambda _: slots.release())
                    await self._wait_for_work(name, bell)
                except Exception as error:
                    trouble.note(self.errors, _log, "the channel rests", error, channel=name)
                    await asyncio.sleep(REST_S)

    async def _take_due(self, name: str) -> list[Outgoing]:
        """Count a try for each row before it leaves: a crash then delays a row, and loses none."""
        now = self.clock.now()
        jitter = self.chance.uniform(f"outbox/{name}", 0.75, 1.25)

        def work(tx: Transaction) -> list[Outgoing]:
            due = tx.due_outgoing(now, BATCH, channels=(name,))
            for row in due:
                tx.postpone(row.message_id, until=now + self._backoff(row.tries, jitter))
            return due

        return await self.store.run(work)

    async def _deliver(self, outgoing: Outgoing) -> None:
        try:
            acknowledged = await self.channels[outgoing.channel].deliver(outgoing)
            if acknowledged:
                await self.acknowledged(outgoing.message_id)
        except NotDelivered as error:
            _log.warning(
                "not delivered",
                channel=outgoing.channel,
                order=outgoing.order,
                message_id=outgoing.message_id,
                tries=outgoing.tries + 1,
                why=str(error),
            )
            await self._note_trouble(outgoing, str(error))
        except Exception as error:
            # One message's trouble must not stop the others; it is kept, told, and tried again.
            trouble.note(
                self.errors,
                _log,
                "delivery broke",
                error,
                channel=outgoing.channel,
                order=outgoing.order,
            )
            await self._note_trouble(outgoing, trouble.in_a_line(error))

    async def _note_trouble(self, outgoing: Outgoing, what: str) -> None:
        """Keep why a message does not leave, with the message, for whoever asks."""
        if what == outgoing.trouble:
            return
        try:
            await self.store.run(lambda tx: tx.note_trouble(outgoing.message_id, what))
        except Exception as error:
            trouble.note(
                self.errors, _log, "not noted why it was not delivered", error, order=outgoing.order
            )

    async def _wait_for_work(self, name: str, bell: asyncio.Event) -> None:
        due = await self.store.run(lambda tx: tx.next_outgoing_due(channels=(name,)))
        timeout = POLL_S if due is None else min(POLL_S, max(0.05, self._seconds_until(due)))
        try:
            async with asyncio.timeout(timeout):
                await bell.wait()
        except TimeoutError:
            pass

    def _seconds_until(self, due: datetime) -> float:
        return (due - self.clock.now()).total_seconds()

    def _backoff(self, tries: int, jitter: float) -> timedelta:
        seconds = min(self.policy.retry_first_s * 2 ** min(tries, 16), self.policy.retry_max_s)
        return timedelta(seconds=seconds * jitter)
