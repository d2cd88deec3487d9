"""A worker whose connection to the server ended has lost its name, and rests until it is back.

The lock lives as long as the connection that took it.  The server is one of the test's own where it
is stopped; where another process is to have the name at once it waits for it at the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from headend.app import duties as duties_module
from headend.app import own_name as own_name_module
from headend.app.duties import Duties
from headend.app.own_name import OwnName
from headend.clock import WallClock
from headend.config import OrderPolicy
from headend.domain.order import Order
from headend.orders import lanes as lanes_module
from headend.orders.lanes import Lanes
from headend.ports import StoreUnavailable
from headend.store.engine import open_writer
from headend.store.occupancy import WORKERS, Duty, Name
from headend.store.store import SqlStore
from tests import databases
from tests.field.live_broker import SOON_S
from tests.store.making import STORY, order

pytestmark = databases.postgresql_only

OF_NAMES = f"locktype = 'advisory' AND classid = {WORKERS} AND datname = current_database()"
LOCKS = "FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database WHERE"


@pytest.fixture
def own_server() -> Iterator[databases.Cluster]:
    server = databases.new_cluster()
    yield server
    server.end()


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (own_name_module, duties_module):
        monkeypatch.setattr(module, "LOOK_S", 0.05)
    monkeypatch.setattr(lanes_module, "POLL_S", 0.05)


@dataclass
class Steps:
    """Steps that end when they are let."""

    begun: list[int] = field(default_factory=list)
    cut_short: list[int] = field(default_factory=list)

    async def take(self, order: Order) -> None:
        self.begun.append(order.number)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cut_short.append(order.number)
            raise


@dataclass
class Worker:
    """Of `build`'s parts, those that a name is for."""

    store: SqlStore
    name: Name
    lanes: Lanes
    duties: Duties
    own: OwnName
    steps: Steps
    on_duty: list[bool]  # one entry while the duties run here


@asynccontextmanager
async def worker(url: str, called: str) -> AsyncIterator[Worker]:
    store, name, steps, on_duty = SqlStore(url, live=True), Name(url, called), Steps(), []
    assert await asyncio.to_thread(name.hold)
    nobody: Any = None
    lanes = Lanes(store, WallClock(), steps, OrderPolicy(), called, nobody)  # type: ignore[arg-type]

    class Working:
        errors: tuple[Exception, ...] = ()

        async def run(self) -> None:
            on_duty.append(True)
            try:
                await asyncio.Event().wait()
            finally:
                on_duty.clear()

    class Nobody:
        def present(self) -> list[Any]:
            return []

    duties = Duties(Duty(url), Nobody(), {"work": Working()}, may_end=True)  # type: ignore[arg-type]

    async def stand_down() -> None:
        duties.allow(False)
        await lanes.stand_down()

    async def stand_up() -> None:
        await lanes.stand_up()
        duties.allow(True)

    own = OwnName(name, stand_down, stand_up)
    running = [asyncio.create_task(part.run()) for part in (lanes, duties, own)]
    try:
        yield Worker(store, name, lanes, duties, own, steps, on_duty)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        name.give_back()
        await store.close()


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not fact():
            await asyncio.sleep(0.01)


def test_a_lost_connection_is_told_once_and_then_the_name_is_had_again(
    own_server: databases.Cluster,
) -> None:
    url = own_server.new("template1")
    names, duty = [Name(url, called) for called in ("worker-1", "worker-2")], Duty(url)
    held = (*names, duty)
    assert all(each.hold() for each in held)
    assert not Name(url, "worker-1").hold() and not Duty(url).hold()
    own_server.stop()
    for _ in range(2):
        for each in held:
            with pytest.raises(StoreUnavailable):
                each.hold()
    own_server.start()
    assert all(each.hold() for each in held)
    assert not Name(url, "worker-1").hold() and not Duty(url).hold()
    for each in held:
        each.give_back()


@pytest.mark.live
async def test_nobody_works_without_a_server_and_all_go_on_with_it(
    own_server: databases.Cluster,
) -> None:
    """Two workers: both stand down; afterwards each has its name, and one of them the duties."""
    url = own_server.new(databases.WITH_TABLES)
    async with worker(url, "worker-1") as first, worker(url, "worker-2") as second:
        both = (first, second)
        await first.store.run(lambda tx: tx.add_order(order(1), STORY))
        await until(lambda: len(first.on_duty + second.on_duty) == 1)
        await until(lambda: first.steps.begun + second.steps.begun == [1])
        own_server.stop()
        await until(lambda: not any(each.own.ours for each in both))
        await until(lambda: not first.on_duty + second.on_duty)
        assert all(each.lanes.stopped for each in both)
        await until(lambda: first.steps.cut_short + second.steps.cut_short == [1])
        own_server.start()
        await until(lambda: all(each.own.ours for each in both))
        await until(lambda: len(first.on_duty + second.on_duty) == 1)
        await until(lambda: first.steps.begun + second.steps.begun == [1, 1])  # the next life's


@pytest.mark.live
async def test_who_lost_its_name_to_another_claims_nothing_and_its_duties_are_taken_over(
    own_server: databases.Cluster,
) -> None:
    url = own_server.new(databases.WITH_TABLES)
    engine = open_writer(url)
    async with worker(url, "worker-1") as first:
        await until(lambda: bool(first.on_duty))
        await first.store.run(lambda tx: tx.add_order(order(1), STORY))
        await until(lambda: first.steps.begun == [1])
        with engine.connect() as thief, engine.connect() as operator:
            (key, pid), *others = operator.execute(text(f"SELECT objid, pid {LOCKS} {OF_NAMES}"))
            assert others == []
            number = key - 2**32 if key >= 2**31 else key
            wanted = f"SELECT pg_advisory_lock({WORKERS}, {number})"
            taken = asyncio.create_task(asyncio.to_thread(thief.exec_driver_sql, wanted))
            waits = text(f"SELECT count(*) {LOCKS} {OF_NAMES} AND NOT granted")
            await until(lambda: operator.execute(waits).scalar_one() == 1)
            operator.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
            await taken
            await until(lambda: not first.own.ours)
            await until(lambda: not first.on_duty and first.steps.cut_short == [1])
            async with worker(url, "worker-2") as second:
                await until(lambda: bool(second.on_duty))
                looked = [second.lanes.errors, first.own.errors]
                other = order(2, meter="M2", concentrator="C2")
                await second.store.run(lambda tx: tx.add_order(other, STORY))
                first.lanes.wake(["C2"])
                await until(lambda: second.steps.begun == [2])
                assert first.steps.begun == [1] and looked == [[], []]
                thief.exec_driver_sql(f"SELECT pg_advisory_unlock({WORKERS}, {number})")
                thief.commit()
                await until(lambda: first.own.ours)
                await until(lambda: sorted(first.steps.begun + second.steps.begun) == [1, 1, 2])
                assert second.on_duty and not first.on_duty
    engine.dispose()
