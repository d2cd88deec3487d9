"""The outbox: everything owed to the commercial side leaves at least once, in sequence per order.

A row is settled only by its consumer's own acknowledgement: the reply to a SOAP callback, the
receipt on the queue's receipt topic, the commit of the legacy database.  A broker's PUBACK settles
nothing, because a broker may acknowledge a message nobody is subscribed to (facts/stack.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

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

    async def deliver(self, outgoing: Any) -> bool:
        """Hand the message over, a row of the outbox's.  True when the consumer's acknowledgement
        is in hand, False when it comes later by `Outbox.acknowledged`.  Raises `NotDelivered`."""
        ...


class Row(Protocol):
    """A message that is owed."""

    @property
    def message_id(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def tries(self) -> int: ...
    @property
    def trouble(self) -> str | None: ...


class Rows(Protocol):
    """What is owed, in the store's words."""

    def due(self, tx: Transaction, now: datetime, limit: int, channel: str) -> Sequence[Row]: ...
    def next_due(self, tx: Transaction, channel: str) -> datetime | None: ...
    def postpone(self, tx: Transaction, message_id: str, until: datetime) -> None: ...
    def note_trouble(self, tx: Transaction, message_id: str, what: str) -> None: ...
    def settle(self, tx: Transaction, message_id: str, at: datetime) -> bool: ...
    def named(self, row: Any) -> dict[str, Any]:
        """What a log calls a row."""
        ...


class OfOrders:
    """What orders owe: results and events behind them (`Outgoing`)."""

    def due(self, tx: Transaction, now: datetime, limit: int, channel: str) -> Sequence[Row]:
        return tx.due_outgoing(now, limit, channels=(channel,))

    def next_due(self, tx: Transaction, channel: str) -> datetime | None:
        return tx.next_outgoing_due(channels=(channel,))

    def postpone(self, tx: Transaction, message_id: str, until: datetime) -> None:
        tx.postpone(message_id, until=until)

    def note_trouble(self, tx: Transaction, message_id: str, what: str) -> None:
        tx.note_trouble(message_id, what)

    def settle(self, tx: Transaction, message_id: str, at: datetime) -> bool:
        return tx.settle(message_id, at=at)

    def named(self, row: Outgoing) -> dict[str, Any]:
        return {"order": row.order}


@dataclass(slots=True)
class Outbox:
    """Delivers what is due, each channel by itself: a slow callback holds back no queue.

    `settled` are told when something was acknowledged; `name` tells its chance from another's.
    """

    store: Store
    clock: Clock
    chance: Chance
    policy: Delivery
    channels: Mapping[str, Channel]
    rows: Rows = OfOrders()
    name: str = "outbox"
    poll_s: float = POLL_S
    settled: list[Callable[[], None]] = field(default_factory=list)
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
                group.create_task(self._serve(name), name=f"{self.name} {name}")

    async def acknowledged(self, message_id: str) -> None:
        """The consumer has stored the message."""
        now = self.clock.now()
        if await self.store.run(lambda tx: self.rows.settle(tx, message_id, now)):
            self.wake()
            for tell in self.settled:
                tell()

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

    async def _take_due(self, name: str) -> Sequence[Row]:
        """Count a try for each row before it leaves: a crash then delays a row, and loses none."""
        now = self.clock.now()
        jitter = self.chance.uniform(f"{self.name}/{name}", 0.75, 1.25)

        def work(tx: Transaction) -> Sequence[Row]:
            due = self.rows.due(tx, now, BATCH, name)
            for row in due:
                self.rows.postpone(tx, row.message_id, now + self._backoff(row.tries, jitter))
            return due

        return await self.store.run(work)

    async def _deliver(self, outgoing: Row) -> None:
        try:
            acknowledged = await self.channels[outgoing.channel].deliver(outgoing)
            if acknowledged:
                await self.acknowledged(outgoing.message_id)
        except NotDelivered as error:
            _log.warning(
                "not delivered",
                channel=outgoing.channel,
                **self.rows.named(outgoing),
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
                **self.rows.named(outgoing),
            )
            await self._note_trouble(outgoing, trouble.in_a_line(error))

    async def _note_trouble(self, outgoing: Row, what: str) -> None:
        """Keep why a message does not leave, with the message, for whoever asks."""
        if what == outgoing.trouble:
            return
        try:
            await self.store.run(lambda tx: self.rows.note_trouble(tx, outgoing.message_id, what))
        except Exception as error:
            about = self.rows.named(outgoing)
            trouble.note(self.errors, _log, "not noted why it was not delivered", error, **about)

    async def _wait_for_work(self, name: str, bell: asyncio.Event) -> None:
        due = await self.store.run(lambda tx: self.rows.next_due(tx, name))
        timeout = (
            self.poll_s if due is None else min(self.poll_s, max(0.05, self._seconds_until(due)))
        )
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
