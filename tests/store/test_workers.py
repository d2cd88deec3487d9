"""Several processes on one database: nothing is done twice, a meter's orders stay in sequence, and
what a killed one had leased is carried out by another."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from headend.domain.order import State
from headend.ports import Transaction
from headend.store.engine import open_writer
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from headend.store.writer import Writer
from tests import databases
from tests.store.making import STORY, T0, at, order, outgoing

METERS, EACH = 12, 5
KILLED_AFTER = 15  # lines that it told


def fill(tx: Transaction) -> None:
    for number in range(1, METERS * EACH + 1):
        assert tx.next_order_number() == number
        tx.add_order(order(number, meter=f"M{number % METERS}"), STORY)


def worker(url: str, name: str, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.working", url, name, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def killed_in_the_middle(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for _ in range(KILLED_AFTER):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


@pytest.mark.live
async def test_two_workers_one_of_them_killed(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    store = SqlStore(url, live=True)
    await store.run(fill)
    first, second = worker(url, "w1", 0), worker(url, "w2", 0)
    begin(first)
    begin(second)
    killed_in_the_middle(first)
    second.communicate(timeout=60)
    third = worker(url, "w3", 61)  # when the leases of the dead one have run out
    third.communicate("\n", timeout=60)
    assert (second.returncode, third.returncode) == (0, 0)

    def told(tx: Transaction) -> list[tuple[int, str]]:
        numbers = range(1, METERS * EACH + 1)
        lines = [(line, number) for number in numbers for line in tx.journal(number)[len(STORY) :]]
        return [(number, line.cause) for line, number in lines]

    def in_sequence(connection: Connection) -> list[tuple[str, int, str]]:
        rows = connection.execute(
            text(
                "SELECT orders.meter, orders.number, journal.cause FROM journal"
                ' JOIN orders ON orders.number = journal."order"'
                " WHERE cause LIKE '%by%' ORDER BY journal.line"
            )
        )
        return [tuple(row) for row in rows]

    story = await store.run(told)
    lines = store.read(in_sequence)
    assert await store.run(lambda tx: tx.count_states()) == {State.DONE: METERS * EACH}
    assert await store.run(lambda tx: (tx.waiting_orders(), tx.unsettled())) == (0, METERS * EACH)
    await store.close()
    ends = sorted(number for number, cause in story if cause.startswith("done"))
    assert ends == list(range(1, METERS * EACH + 1))
    for meter in {meter for meter, _, _ in lines}:
        under_way: int | None = None
        done: list[int] = []
        for _, number, cause in (line for line in lines if line[0] == meter):
            if cause.startswith("begun"):
                assert under_way in (None, number)  # again only where its worker was killed
                assert under_way is None or cause == "begun by w3"
                under_way = number
            else:
                assert under_way == number
                done, under_way = [*done, number], None
        assert done == sorted(done) and under_way is None


@databases.postgresql_only  # on SQLite the second waits at its beginning
def test_while_one_claims_an_order_no_other_of_its_meter_is_claimed() -> None:
    """Two transactions side by side; what the first has leased is not to be seen yet."""
    engine = open_writer(databases.memory())
    with engine.begin() as connection:
        tx = SqlTransaction(connection)
        # A look at the effect of one that has ended stands in the way by its lease alone.
        tx.add_order(order(1, state=State.FAILED, verify_at=T0), STORY)
        tx.add_order(order(2), STORY)
        tx.add_order(order(3, meter="M2"), STORY)

    def claim(connection: Connection, worker: str) -> int | None:
        claimed = SqlTransaction(connection).claim("C1", worker=worker, now=T0, lease_until=at(60))
        return None if claimed is None else claimed.number

    with engine.connect() as one, engine.connect() as other:
        with one.begin(), other.begin():
            assert claim(one, "w1") == 1
            assert claim(other, "w2") == 3  # past the second of M1
            assert claim(other, "w2") is None
        with other.begin():
            assert claim(other, "w2") is None
    engine.dispose()


@pytest.mark.live
async def test_a_message_posted_while_the_one_before_is_settled_is_not_forgotten(
    tmp_path: Path,
) -> None:
    """Two workers at one order's queue, many times: whatever came first, a head is due."""
    url = databases.at(tmp_path / "x.db")
    one, other = SqlStore(url, live=True), SqlStore(url, live=True)
    await one.run(fill)
    for number in range(1, 31):
        first, second = outgoing(f"a{number}", order=number), outgoing(f"b{number}", order=number)
        await one.run(lambda tx, first=first: tx.post(first))
        await asyncio.gather(
            one.run(lambda tx, second=second: tx.post(second)),
            other.run(lambda tx, number=number: tx.settle(f"a{number}", at=T0)),
        )
    due = await one.run(lambda tx: tx.due_outgoing(at(1), 100))
    assert sorted(m.message_id for m in due) == sorted(f"b{n}" for n in range(1, 31))
    await one.close()
    await other.close()


@pytest.mark.live
async def test_two_that_wait_for_each_other_both_come_through(tmp_path: Path) -> None:
    """A deadlock: the database undoes one, and its work is carried out again.  On SQLite they wait
    at their beginning."""
    url = databases.at(tmp_path / "x.db")
    writers = [Writer(open_writer(url), live=True) for _ in range(2)]

    def make(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE t (name TEXT PRIMARY KEY, n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES ('a', 0), ('b', 0)"))

    await writers[0].run(make)
    met = threading.Barrier(2) if databases.postgresql() else None
    tries: list[str] = []

    def add(connection: Connection, first: str, second: str) -> None:
        tries.append(first)
        raise_by_one = text("UPDATE t SET n = n + 1 WHERE name = :name")
        connection.execute(raise_by_one, {"name": first})
        if met is not None and tries.count(first) == 1:
            met.wait(60)
        connection.execute(raise_by_one, {"name": second})

    await asyncio.gather(
        writers[0].run(lambda connection: add(connection, "a", "b")),
        writers[1].run(lambda connection: add(connection, "b", "a")),
    )
    counted = await writers[0].run(lambda c: c.execute(text("SELECT n FROM t")).scalars().all())
    assert counted == [2, 2]
    assert (len(tries) > 2) == databases.postgresql()
    for writer in writers:
        await writer.close()
