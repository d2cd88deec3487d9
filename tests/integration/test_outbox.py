"""One message that breaks its delivery holds back no other, and whoever asks is told why."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
import structlog

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import Delivery
from headend.integration.outbox import BATCH, POLL_S, NotDelivered, Outbox
from headend.ports import Outgoing, StoreUnavailable, Transaction
from headend.store import queries
from headend.store.store import SqlStore
from tests import databases
from tests.conftest import SIMULATED_START
from tests.store import making
from tests.store.making import STORY, order
from tools.explain.command import owed

T = TypeVar("T")
POISON = "poison"


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as logs:
        yield logs


def outgoing(message_id: str, **about: Any) -> Outgoing:
    return making.outgoing(message_id, created_at=SIMULATED_START, **about)


@dataclass(slots=True)
class Consumer:
    """A channel that stores what it is given, and breaks at one message until it is mended."""

    error: Exception = field(default_factory=lambda: ValueError("no such\nunit"))
    mended: bool = False
    tries: Counter[str] = field(default_factory=Counter)
    stored: list[str] = field(default_factory=list)

    async def deliver(self, outgoing: Outgoing) -> bool:
        self.tries[outgoing.message_id] += 1
        if outgoing.message_id.startswith(POISON) and not self.mended:
            raise self.error
        self.stored.append(outgoing.message_id)
        return True


@asynccontextmanager
async def serving(consumer: Consumer) -> AsyncIterator[tuple[SqlStore, Outbox]]:
    """An outbox at work, in a database with 200 orders."""
    clock = LoopClock(SIMULATED_START)
    store = SqlStore(databases.memory(), live=False)

    def fill(tx: Transaction) -> None:
        for number in range(1, 201):
            tx.add_order(order(number), STORY)

    await store.run(fill)
    outbox = Outbox(store, clock, SeededChance(1, "x", 1), Delivery(), {"queue": consumer})
    task = asyncio.create_task(outbox.run())
    try:
        yield store, outbox
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


async def post(store: SqlStore, outbox: Outbox, *messages: Outgoing) -> None:
    def work(tx: Transaction) -> None:
        for message in messages:
            tx.post(message)

    await store.run(work)
    outbox.wake()


def waiting(store: SqlStore, number: int) -> Outgoing:
    return store.read(lambda connection: queries.outgoing_of(connection, number))[0]


BROKEN: dict[str, tuple[Exception, str, int]] = {
    # what delivering raises: what is told of it, and whether it is a mistake of ours
    "a mistake of ours": (ValueError("no such\nunit"), "ValueError: no such unit", 1),
    "a consumer that refuses": (NotDelivered("it answered 503"), "it answered 503", 0),
}


@pytest.mark.parametrize(("error", "told", "mistake"), BROKEN.values(), ids=BROKEN)
async def test_a_message_that_breaks_is_shown_and_passed_by(
    error: Exception, told: str, mistake: int
) -> None:
    consumer = Consumer(error)
    async with serving(consumer) as (store, outbox):
        await post(
            store,
            outbox,
            outgoing(POISON, order=1),
            outgoing("behind it", order=1, kind="event"),
            *(outgoing(f"m{number}", order=number) for number in range(2, 101)),
        )
        await asyncio.sleep(1)
        assert sorted(consumer.stored) == sorted(f"m{number}" for number in range(2, 101))
        await asyncio.sleep(3600)
        assert 10 < consumer.tries[POISON] < 30  # ever more seldom
        assert bool(outbox.errors) is bool(mistake)
        poison = waiting(store, 1)
        assert poison.trouble == told
        assert told in owed(poison).plain and "not settled" in owed(poison).plain
        consumer.mended = True
        await asyncio.sleep(600)
        assert consumer.stored[-2:] == [POISON, "behind it"]
        assert await store.run(lambda tx: tx.unsettled()) == 0
        assert told not in owed(waiting(store, 1)).plain


@databases.on_one  # days of looking: what differs by database is the claim, above
async def test_more_broken_messages_than_a_batch_holds_leave_room_for_others() -> None:
    consumer = Consumer()
    async with serving(consumer) as (store, outbox):
        poisons = (outgoing(f"{POISON}{number}", order=number) for number in range(1, BATCH + 51))
        await post(store, outbox, *poisons)
        await asyncio.sleep(120)
        await post(store, outbox, outgoing("m", order=BATCH + 51))
        await asyncio.sleep(1)
        assert consumer.stored == ["m"]


async def test_a_store_that_fails_for_a_while_ends_no_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer = Consumer()
    async with serving(consumer) as (store, outbox):
        whole = SqlStore.run

        async def fail(store: SqlStore, work: Callable[[Transaction], T]) -> T:
            raise StoreUnavailable("disk full")

        await post(store, outbox, outgoing("m"))
        monkeypatch.setattr(SqlStore, "run", fail)
        await asyncio.sleep(60)
        monkeypatch.setattr(SqlStore, "run", whole)
        await asyncio.sleep(600)
        assert set(consumer.stored) == {"m"}
        assert await store.run(lambda tx: tx.unsettled()) == 0
        assert outbox.errors and {type(error) for error in outbox.errors} == {StoreUnavailable}


async def test_what_another_process_posted_is_noticed_without_a_word() -> None:
    consumer = Consumer()
    async with serving(consumer) as (store, _):
        await asyncio.sleep(1)
        await store.run(lambda tx: tx.post(outgoing("posted elsewhere")))
        await asyncio.sleep(2 * POLL_S)
        assert consumer.stored == ["posted elsewhere"]
