"""On PostgreSQL what grows lies by the month: queries read the months that they ask about, rows
that come early move, and each row is there once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from headend.app.months import MONTHS_AHEAD, Months
from headend.domain.event import Event, Severity, Source
from headend.domain.interval import CollectedBlock, IntervalDay
from headend.ports import AlreadyStored
from headend.store import migrate, store
from headend.store.engine import open_writer
from headend.store.partitions import (
    PARTITIONED,
    Month,
    Part,
    drop_month,
    make_month,
    missing_months,
    parts,
)
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from tests import databases
from tests.store.making import STORY, T0, order
from tests.store.schemas import put

pytestmark = databases.postgresql_only

JULY, AUGUST = Month(2026, 7), Month(2026, 8)


def page(day: date) -> IntervalDay:
    return IntervalDay("M1", "1.0.99.1.0.255", day, 96, 96, 0, 0, T0, ())


def block(read_at: datetime) -> CollectedBlock:
    return CollectedBlock("C1", "M1", "load", 1, read_at, T0)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_writer(databases.memory())
    yield engine
    engine.dispose()


def made(connection: Connection, *months: Month) -> None:
    for table in PARTITIONED:
        for month in months:
            make_month(connection, Part(table, month))


def where(connection: Connection, table: str) -> list[str]:
    """In which partitions the rows of a table are."""
    asked = text(f"SELECT CAST(CAST(tableoid AS regclass) AS text) FROM {table} ORDER BY 1")
    return list(connection.execute(asked).scalars())


def test_every_row_lies_in_its_month_and_early_ones_move_there(engine: Engine) -> None:
    july, august = datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC)
    with engine.begin() as connection:
        tx = SqlTransaction(connection)
        made(connection, JULY)
        for at in (july, august):
            tx.put_interval_day(page(at.date()))
            assert tx.add_block(block(at))
            seconds = int(at.timestamp())
            assert tx.add_intervals([("M1", seconds, 0, *[None] * 8)]) == 1
    tables = ("interval_days", "collected_blocks", "intervals")
    with engine.begin() as connection:
        for table in tables:
            assert where(connection, table) == [f"{table}_others", f"{table}_y2026m07"]
        made(connection, AUGUST)
        for table in tables:
            assert where(connection, table) == [f"{table}_y2026m07", f"{table}_y2026m08"]


def test_what_came_once_is_known_wherever_it_lies(engine: Engine) -> None:
    """Before its month was made, after, and across."""
    event = Event("M1", "power-down", Severity.MAJOR, T0, T0, (Source.LOG,))
    with engine.begin() as connection:
        tx = SqlTransaction(connection)
        assert tx.add_block(block(T0)) and not tx.add_block(block(T0))
        first = tx.add_event(event)
        tx.put_interval_day(page(T0.date()))
        made(connection, JULY)
        assert not tx.add_block(block(T0))
        assert tx.add_block(replace(block(T0), read_at=T0 + timedelta(seconds=1)))
        tx.put_interval_day(replace(page(T0.date()), received=95))
        assert [
            p.received
            for p in tx.interval_days("M1", page(T0.date()).profile, T0.date(), T0.date())
        ] == [95]
    with engine.begin() as connection, pytest.raises(AlreadyStored):
        SqlTransaction(connection).add_event(event)
    with engine.begin() as connection:  # an event whose time turns out to be another month's
        tx = SqlTransaction(connection)
        moved = replace(event, number=first, at=T0 + timedelta(days=40))
        tx.save_event(moved)
        assert tx.event(first) == moved
        assert where(connection, "events") == ["events_others"]


ASKED = {
    "a meter's day": "SELECT * FROM interval_days WHERE meter = 'M1' AND profile = 'p'"
    " AND day BETWEEN '2026-08-03' AND '2026-08-04'",
    "a day of all": "SELECT * FROM interval_days WHERE profile = 'p' AND day = '2026-08-03'",
    "what was validated": "SELECT * FROM validated_days WHERE day = '2026-08-03'",
    "rows of some hours": "SELECT * FROM intervals WHERE meter BETWEEN 'M1' AND 'M2'"
    " AND at > 1785600000 AND at <= 1785686400",
    "events of an hour": "SELECT * FROM events WHERE at BETWEEN '2026-08-03T10:00Z'"
    " AND '2026-08-03T11:00Z'",
    "a block": "SELECT * FROM collected_blocks WHERE source = 'C1' AND meter = 'M1'"
    " AND read_at = '2026-08-03T10:00Z'",
    "hours heard": "SELECT * FROM hours_heard WHERE hour >= '2026-08-03T00:00Z'"
    " AND hour < '2026-08-04T00:00Z'",
    "the journal of a night": "SELECT * FROM journal WHERE at BETWEEN '2026-08-03T00:00Z'"
    " AND '2026-08-03T06:00Z'",
}


@pytest.mark.parametrize("sql", ASKED.values(), ids=ASKED)
def test_a_query_reads_the_months_that_it_asks_about(sql: str, connection: Connection) -> None:
    made(connection, Month(2026, 6), JULY, AUGUST, Month(2026, 9))
    plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {sql}").scalars())
    assert set(re.findall(r"y(\d{4})m(\d\d)", plan)) == {("2026", "08")}


def test_times_are_looked_for_by_brin(connection: Connection) -> None:
    asked = "SELECT tablename FROM pg_indexes WHERE strpos(indexdef, 'USING brin') > 0"
    found = set(connection.exec_driver_sql(asked).scalars())
    assert set(PARTITIONED) - {"events"} <= found and {"readings", "pushes"} <= found


async def test_months_are_made_ahead_and_once() -> None:
    url = databases.memory()
    kept = SqlStore(url, live=False)

    class Today:
        at = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)

        def now(self) -> datetime:
            return self.at

    today = Today()
    months = Months(kept, today)
    assert await months.make() == (1 + MONTHS_AHEAD) * len(PARTITIONED)
    assert await months.make() == 0
    there = kept.read(parts)
    assert {part.month for part in there if part.table == "journal"} == {
        Month(2026, 11), Month(2026, 12), Month(2027, 1), Month(2027, 2),
    }  # fmt: skip
    today.at += timedelta(hours=2)
    assert await months.make() == len(PARTITIONED)
    await kept.close()


def test_a_month_that_is_dropped_takes_its_rows_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        tx = SqlTransaction(connection)
        made(connection, JULY)
        tx.put_interval_day(page(date(2026, 7, 31)))
        tx.put_interval_day(page(date(2026, 8, 1)))
        drop_month(connection, Part("interval_days", JULY))
        assert where(connection, "interval_days") == ["interval_days_others"]
        assert missing_months(connection, date(2026, 7, 9), 1) == [Part("interval_days", JULY)]


def test_rows_of_an_older_program_come_into_their_months() -> None:
    """A database as the program before had it."""
    engine = open_writer(databases.cluster().new("template1"))
    with engine.begin() as connection:
        migrate.migrated(connection, store.SCHEMA, "0019")
        put(connection, "orders", number=1)
        for _ in STORY:
            put(connection, "journal", order=1)
        put(connection, "interval_days", day=date(2026, 7, 31))
        put(connection, "interval_days", day=date(2026, 12, 31))
        put(connection, "intervals", at=int(T0.timestamp()))
    migrate.upgrade(engine, store.SCHEMA)
    with engine.begin() as connection:
        assert where(connection, "interval_days") == [
            "interval_days_y2026m07", "interval_days_y2026m12",
        ]  # fmt: skip
        assert where(connection, "intervals") == ["intervals_y2026m07"]
        assert where(connection, "journal") == ["journal_y2026m07"] * len(STORY)
        tx = SqlTransaction(connection)
        tx.add_order(order(2), STORY)
        lines = connection.exec_driver_sql("SELECT line FROM journal ORDER BY line")
        assert list(lines.scalars()) == [1, 2, 3, 4]
        with pytest.raises(Exception, match="foreign key"):
            connection.exec_driver_sql("DELETE FROM orders WHERE number = 1")
    engine.dispose()


@pytest.mark.parametrize(
    "month, count, found",
    [
        (Month(2026, 12), 1, Month(2027, 1)),
        (Month(2026, 1), -1, Month(2025, 12)),
        (Month(2026, 7), 0, Month(2026, 7)),
        (Month(2026, 7), 30, Month(2029, 1)),
    ],
)
def test_months_are_counted(month: Month, count: int, found: Month) -> None:
    assert month.after(count) == found
