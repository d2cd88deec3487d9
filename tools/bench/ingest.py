"""Rows of load profiles per second into the store, next to the quickest bare way of each database.

Ours: the store as a head-end opens it, a transaction a batch, each row kept once however often it
comes.  Bare, into an empty table of the same columns and key, a transaction a batch as well:
Python's sqlite3 with `executemany` under the same pragmas, psycopg with COPY in binary.  A batch is
what comes of a hundred meters for a day of quarter hours.  Rounds alternate, and the median of each
counts.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from headend.ports import IntervalRow, Transaction
from headend.store.store import SqlStore

METERS_A_BATCH = 100
INTERVALS_A_DAY = 96
PERIOD_S = 900
START_S = 1_783_296_000  # 2026-07-06T00:00:00Z
COLUMNS = (
    "meter TEXT NOT NULL, at BIGINT NOT NULL, status INTEGER NOT NULL, active_import BIGINT,"
    " active_export BIGINT, reactive_import BIGINT, reactive_export BIGINT, voltage_l1 INTEGER,"
    " voltage_l2 INTEGER, voltage_l3 INTEGER, power_factor INTEGER, PRIMARY KEY (meter, at)"
)
TYPES = ("text", "int8", "int4", *["int8"] * 4, *["int4"] * 4)
SCHEMA = "ami_bench_ingest"
PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536")

Batch = list[IntervalRow]


@dataclass(frozen=True, slots=True)
class Measured:
    """One database: rows per second."""

    ours_per_s: float
    bare_per_s: float

    @property
    def ratio(self) -> float:
        return self.ours_per_s / self.bare_per_s


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured; `postgresql` is None where no server was named."""

    rows: int  # a round
    rounds: int
    sqlite: Measured
    postgresql: Measured | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "rounds": self.rounds,
            **{
                name: None if one is None else {**asdict(one), "ratio": one.ratio}
                for name, one in (("sqlite", self.sqlite), ("postgresql", self.postgresql))
            },
        }


def batches(count: int) -> list[Batch]:
    """So many batches, each of a hundred meters' day."""
    return [
        [
            _row(f"{batch * METERS_A_BATCH + meter:08}", interval)
            for meter in range(METERS_A_BATCH)
            for interval in range(INTERVALS_A_DAY)
        ]
        for batch in range(count)
    ]


def _row(meter: str, interval: int) -> IntervalRow:
    energy = 1_000_000 + 125 * interval
    quantities = (energy, 0, energy // 4, 0, 2301, 2295, 2307, 970)
    return (meter, START_S + PERIOD_S * interval, 0, *quantities)


def compare(*, count: int, rounds: int, postgresql: str | None) -> Run:
    """Measure.  Raises `StoreUnavailable` where the server cannot be used."""
    rows = batches(count)
    ways: dict[str, Callable[[Sequence[Batch]], float]] = {
        "sqlite ours": _sqlite_ours,
        "sqlite bare": _sqlite_bare,
    }
    if postgresql is not None:
        ways["postgresql ours"] = partial(_postgresql_ours, postgresql)
        ways["postgresql bare"] = partial(_postgresql_bare, postgresql)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(way(rows))
    total = count * METERS_A_BATCH * INTERVALS_A_DAY
    per_s = {name: total / statistics.median(seconds) for name, seconds in taken.items()}
    return Run(
        total,
        rounds,
        Measured(per_s["sqlite ours"], per_s["sqlite bare"]),
        None
        if postgresql is None
        else Measured(per_s["postgresql ours"], per_s["postgresql bare"]),
    )


def _sqlite_ours(rows: Sequence[Batch]) -> float:
    with tempfile.TemporaryDirectory(prefix="ami-bench-") as folder:
        return asyncio.run(_into_store(f"sqlite:///{Path(folder) / 'ours.db'}", rows))


async def _into_store(url: str, rows: Sequence[Batch]) -> float:
    store = SqlStore(url, live=True)
    try:
        await store.run(lambda tx: None)  # its thread runs
        begun = time.perf_counter()
        for batch in rows:
            await store.run(partial(_add, batch))
        return time.perf_counter() - begun
    finally:
        await store.close()


def _add(batch: Batch, tx: Transaction) -> None:
    tx.add_intervals(batch)


def _sqlite_bare(rows: Sequence[Batch]) -> float:
    with tempfile.TemporaryDirectory(prefix="ami-bench-") as folder:
        with closing(sqlite3.connect(Path(folder) / "bare.db")) as connection:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(f"CREATE TABLE intervals ({COLUMNS}) WITHOUT ROWID")
            insert = f"INSERT INTO intervals VALUES ({', '.join('?' * len(TYPES))})"
            begun = time.perf_counter()
            for batch in rows:
                with connection:
                    connection.executemany(insert, batch)
            return time.perf_counter() - begun


def _postgresql_ours(url: str, rows: Sequence[Batch]) -> float:
    with _schema(url):
        own = f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{SCHEMA}"
        return asyncio.run(_into_store(own, rows))


def _postgresql_bare(url: str, rows: Sequence[Batch]) -> float:
    with _schema(url) as connection:
        connection.execute(f"CREATE TABLE {SCHEMA}.intervals ({COLUMNS})")
        connection.commit()
        begun = time.perf_counter()
        for batch in rows:
            with connection.cursor() as cursor:
                with cursor.copy(f"COPY {SCHEMA}.intervals FROM STDIN (FORMAT BINARY)") as copy:
                    copy.set_types(TYPES)
                    for row in batch:
                        copy.write_row(row)
            connection.commit()
        return time.perf_counter() - begun


@contextmanager
def _schema(url: str) -> Iterator[Any]:
    """A schema of the benchmark's own, and gone afterwards."""
    import psycopg

    plain = url.replace("postgresql+psycopg:", "postgresql:", 1)
    with psycopg.connect(plain) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.commit()
        try:
            yield connection
        finally:
            connection.rollback()
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
            connection.commit()
