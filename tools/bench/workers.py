"""Orders per second that so many workers carry out on one PostgreSQL, next to its bare claims.

Ours: processes with the head-end's own lanes, steps and settling, each order's claim, dispatch,
outcome, journal and reply stored as always, and a field that answers at once.  Bare: as many
processes that do no more than claim a row of a table of numbers by SKIP LOCKED and mark it, one a
commit: what no queue in this database surpasses with one claim a commit.  A run begins when all
processes are ready, and ends when nothing is left; then each order must have ended exactly once.

    python -m tools.bench.workers ours|bare URL NAME     one worker, started by `measure`
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from headend.app.calendar import working_days
from headend.chance import SeededChance
from headend.clock import WallClock
from headend.config import FieldPolicy, OrderPolicy
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import PRIORITY, Kind, Order, State
from headend.orders.breakage import Breakages
from headend.orders.breaker import Breaker
from headend.orders.lanes import Lanes
from headend.orders.settle import Settling
from headend.orders.step import Stepping
from headend.ports import Command, Connectivity, FieldListener, Report, Transaction
from headend.store.store import SqlStore
from protocols.concentrator.messages import Result, Status, SupplyRead
from tools.terminal import log_to_stderr

SCHEMA = "ami_bench_workers"
CONCENTRATORS = 16
LOOK_S = 0.02
STORY = ((State.RECEIVED, "from a benchmark"), (State.QUEUED, "waits"))
CLAIM = (
    "UPDATE bare SET taken = true WHERE number = (SELECT number FROM bare WHERE NOT taken"
    " ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING number"
)
OURS_LEFT = "SELECT value FROM counters WHERE name = 'waiting-orders'"
BARE_LEFT = "SELECT count(*) FROM bare WHERE NOT taken"


@dataclass(frozen=True, slots=True)
class Measured:
    """So many workers."""

    workers: int
    orders_per_s: float
    bare_claims_per_s: float
    ended_once: bool  # each order has one outcome, one end in its journal, one reply


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured, and how busy the machine was when it began."""

    orders: int
    cores: int
    load_before: float  # processes that wanted to run, over the minute before
    measured: tuple[Measured, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(*, url: str, orders: int, workers: tuple[int, ...]) -> Run:
    """Measure.  Raises `StoreUnavailable` where the server cannot be used."""
    load, told = os.getloadavg()[0], []
    for count in workers:
        with _schema(url) as own:
            asyncio.run(_fill(own, orders))
            ours_s = _timed("ours", own, count, OURS_LEFT)
            once = asyncio.run(_ended_once(own, orders))
        with _schema(url) as own:
            _fill_bare(own, orders)
            bare_s = _timed("bare", own, count, BARE_LEFT)
        told.append(Measured(count, orders / ours_s, orders / bare_s, once))
    return Run(orders, os.cpu_count() or 1, load, tuple(told))


def _timed(kind: str, url: str, count: int, left: str) -> float:
    """Seconds from the start of so many workers' work until nothing is left of it."""
    command = [sys.executable, "-m", "tools.bench.workers", kind, url]
    root = Path(__file__).parents[2]
    workers = [
        subprocess.Popen(
            [*command, f"w{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
        )
        for n in range(count)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None and worker.stdin is not None
            if worker.stdout.readline() != b"ready\n":
                raise RuntimeError(f"a worker has ended with {worker.wait()}")
        with closing(_connected(url)) as connection:
            begun = time.perf_counter()
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write(b"\n")
                worker.stdin.flush()
            while connection.execute(left).fetchone()[0]:
                if any(worker.poll() for worker in workers):
                    raise RuntimeError("a worker has died")
                time.sleep(LOOK_S)
            return time.perf_counter() - begun
    finally:
        for worker in workers:
            worker.communicate()  # end of input ends it


@contextmanager
def _schema(url: str) -> Iterator[str]:
    """A schema of the benchmark's own, by a URL that leads there, and gone afterwards."""
    with closing(_connected(url)) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        try:
            yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{SCHEMA}"
        finally:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def _connected(url: str) -> Any:
    import psycopg

    return psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:", 1), autocommit=True)


async def _with_store(url: str, work: Callable[[SqlStore], Awaitable[Any]]) -> Any:
    store = SqlStore(url, live=True)
    try:
        return await work(store)
    finally:
        await store.close()


async def _fill(url: str, orders: int) -> None:
    now = WallClock().now()

    def work(tx: Transaction) -> None:
        names = [f"C{n}" for n in range(CONCENTRATORS)]
        tx.put_concentrators([Concentrator(name, None) for name in names])
        meters = [f"M{n}" for n in range(1, orders + 1)]
        tx.put_meters(
            Meter(name, names[n % CONCENTRATORS], True, False, None)
            for n, name in enumerate(meters)
        )
        for n, name in enumerate(meters):
            number = tx.next_order_number()
            order = Order(
                number=number,
                transaction_id=f"t{number}",
                source="bench",
                meter=name,
                kind=Kind.DISCONNECT,
                accepted_at=now,
                ready_at=now,
                not_before=now,
                deadline=now + timedelta(hours=6),
                state=State.QUEUED,
                priority=PRIORITY[Kind.DISCONNECT],
                concentrator=names[n % CONCENTRATORS],
                any_day=True,
            )
            tx.add_order(order, STORY)

    await _with_store(url, lambda store: store.run(work))


async def _ended_once(url: str, orders: int) -> bool:
    def work(tx: Transaction) -> bool:
        ends = all(
            sum(line.state is State.DONE for line in tx.journal(number)) == 1
            for number in range(1, orders + 1)
        )
        return ends and tx.count_states() == {State.DONE: orders}

    once: bool = await _with_store(url, lambda store: store.run(work))
    return once


def _fill_bare(url: str, orders: int) -> None:
    with closing(_connected(url)) as connection:
        connection.execute("CREATE TABLE bare (number bigint PRIMARY KEY, taken bool NOT NULL)")
        connection.execute(f"INSERT INTO bare SELECT n, false FROM generate_series(1, {orders}) n")
        connection.execute("CREATE INDEX bare_left ON bare (number) WHERE NOT taken")


# One worker.


class _AtOnce:
    """Implements `ports.Field`: every meter does at once what it is told."""

    def open(self, concentrator: str) -> bool:
        return True

    def connectivity(self, concentrator: str) -> Connectivity:
        return Connectivity(True)

    def listen(self, listener: FieldListener) -> None:
        return

    async def perform(
        self,
        command: Command,
        *,
        on_accepted: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> Report:
        if on_accepted is not None:
            await on_accepted()
        result = Result(
            id=f"{command.order}-{command.attempt}",
            at=WallClock().now(),
            order=str(command.order),
            attempt=command.attempt,
            meter=command.meter,
            action=command.action,
            status=Status.DONE,
            acted=True,
            supply=SupplyRead(False, 0, 4),
        )
        return Report(True, True, result)

    async def withdraw(self, command: Command) -> Report:
        return Report(sent=False)

    async def stored(self, command: Command) -> None:
        return


async def _work(url: str, name: str) -> None:
    store, clock = SqlStore(url, live=True), WallClock()
    chance = SeededChance(1, name)
    policy = OrderPolicy(disconnects_per_hour=10**9)  # nobody is there who would approve them
    settling = Settling(chance, policy, lambda: None)
    stepping = Stepping(
        store, clock, chance, _AtOnce(), None, policy, FieldPolicy(), working_days(policy),
        settling, Breaker(policy),
    )  # fmt: skip
    breakages = Breakages(store, clock, chance, policy, settling, name)
    lanes = Lanes(store, clock, stepping, policy, name, breakages)
    await store.run(lambda tx: None)  # its thread runs
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    serving = asyncio.create_task(lanes.run())
    await asyncio.to_thread(sys.stdin.read)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await store.close()
    if lanes.errors:
        raise lanes.errors[0]


def _work_bare(url: str) -> None:
    with closing(_connected(url)) as connection:
        print("ready", flush=True)
        sys.stdin.readline()
        while connection.execute(CLAIM).fetchone() is not None:
            pass


if __name__ == "__main__":
    log_to_stderr()  # nobody reads on where stdout has said "ready", and a full pipe stops a worker
    if sys.argv[1] == "bare":
        _work_bare(sys.argv[2])
    else:
        asyncio.run(_work(*sys.argv[2:]))
