"""Killed without warning while many works are in flight: what was told as safe is there, whole, and
nothing is there by halves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection

from headend.store.store import Reader, SqlStore
from tests import databases

INVARIANTS = {
    # what must not exist: how it is looked for
    "an order without the beginning of its journal": """
        SELECT number FROM orders WHERE
        (SELECT count(*) FROM journal WHERE journal."order" = number AND cause <> 'done') <> 2""",
    "an order without its message": """
        SELECT number FROM orders WHERE NOT EXISTS
        (SELECT 1 FROM inbound_messages AS m WHERE m.transaction_id = orders.transaction_id)""",
    "a message without its order": """
        SELECT message_id FROM inbound_messages WHERE transaction_id NOT IN
        (SELECT transaction_id FROM orders)""",
    "an end without both of its messages, or messages without an end": """
        SELECT number FROM orders WHERE
        (SELECT count(*) FROM outbox WHERE outbox."order" = number)
        <> CASE WHEN state = 'done' THEN 2 ELSE 0 END""",
    "an end without its journal line": """
        SELECT number FROM orders WHERE
        (SELECT count(*) FROM journal WHERE journal."order" = number AND state = 'done')
        <> CASE WHEN state = 'done' THEN 1 ELSE 0 END""",
    "a number that was given out twice or lost": """
        SELECT 1 WHERE (SELECT value FROM counters WHERE name = 'order-number')
        <> (SELECT count(*) FROM orders) OR (SELECT count(*) FROM orders)
        <> (SELECT max(number) FROM orders)""",
    "a wrong count of what waits": """
        SELECT 1 WHERE (SELECT value FROM counters WHERE name = 'waiting-orders')
        <> (SELECT count(*) FROM orders WHERE unfinished)""",
}
OF_SQLITE = {
    "a broken page, index or reference": """
        SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'
        UNION ALL SELECT "table" FROM pragma_foreign_key_check""",
}


def run_until_killed(url: str, run: int, lines: int) -> list[list[str]]:
    """Let the process tell so many lines, kill it, and return all it has told."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.crashing", url, str(run)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.readlines()
    process.stdout.close()
    assert process.wait(30) == -signal.SIGKILL
    # The kill may cut the last line short.
    return [line.split() for line in told if line.endswith("\n")]


def one_column(connection: Connection, sql: str) -> set[str]:
    return {str(row[0]) for row in connection.exec_driver_sql(sql)}


def crash_and_check(tmp_path: Path, seed: int, crashes: int) -> None:
    url = databases.at(tmp_path / "x.db")
    moments = random.Random(seed)
    accepted: dict[str, str] = {}
    refused: set[str] = set()
    settled: set[str] = set()
    for run in range(crashes):
        for words in run_until_killed(url, run, moments.randrange(1, 600)):
            match words:
                case ["accepted", name, number]:
                    accepted[name] = number
                case ["refused", name]:
                    refused.add(name)
                case ["settled", number]:
                    settled.add(number)
        reader = Reader(url)
        asked = INVARIANTS if databases.postgresql() else INVARIANTS | OF_SQLITE
        for what, sql in asked.items():
            assert reader.read(lambda c, sql=sql: one_column(c, sql)) == set(), what
        stored = reader.read(
            lambda c: dict(c.exec_driver_sql("SELECT meter, number FROM orders").all())
        )
        done = reader.read(
            lambda c: one_column(c, "SELECT number FROM orders WHERE state = 'done'")
        )
        reader.close()
        assert {name: str(stored.get(name)) for name in accepted} == accepted
        assert refused.isdisjoint(stored)
        assert settled <= done
    assert len(accepted) > 10 * crashes and refused and settled


def test_killed_in_the_middle(tmp_path: Path) -> None:
    crash_and_check(tmp_path, seed=1, crashes=3)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(2, 7))
def test_killed_in_the_middle_again_and_again(tmp_path: Path, seed: int) -> None:
    crash_and_check(tmp_path, seed, crashes=20)


@pytest.mark.live
async def test_what_a_dead_process_had_leased_is_given_back_by_its_name(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    run_until_killed(url, 0, 200)
    store = SqlStore(url, live=False)
    await store.run(lambda tx: tx.release_all("w"))
    open_orders = await store.run(lambda tx: tx.open_orders_of_concentrator("C1"))
    claimed = 0
    for one in open_orders:
        got = await store.run(
            lambda tx, one=one: tx.claim(
                "C1", worker="w", now=one.accepted_at, lease_until=one.deadline
            )
        )
        claimed += got is not None
    assert claimed == len(open_orders) > 0
    await store.close()
