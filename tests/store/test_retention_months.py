"""On PostgreSQL months that are over go as a whole, and what is needed of them does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from headend.app.retaining import Retaining
from headend.clock import LoopClock
from headend.domain.retention import Needed
from headend.store import partitions, retention_months
from headend.store.engine import open_writer
from headend.store.partitions import Month, Part, make_month, parts
from headend.store.retention_queries import kept
from headend.store.store import SqlStore
from tests import databases
from tests.store.outliving import CUT, NOW, config, keys, put, rows

pytestmark = databases.postgresql_only

TABLES = ("interval_days", "validated_days", "intervals", "hours_heard", "events", "journal")
JUNE, JULY, AUGUST = Month(2026, 6), Month(2026, 7), Month(2026, 8)
"""The cut is the second of August: what is over as a whole are June and July."""


@pytest.fixture
def url() -> str:
    return databases.memory()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_writer(url)
    with engine.begin() as connection:
        for table in TABLES:
            for month in (JUNE, JULY, AUGUST):
                make_month(connection, Part(table, month))
    yield engine
    engine.dispose()


def fill(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(60):
            day = date(2026, 6, 10) + timedelta(days=number)
            at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            put(connection, "interval_days", meter="M", profile="p", day=day, received=90 + number)
            put(connection, "intervals", meter="M", at=int(at.timestamp()))
            put(connection, "hours_heard", concentrator="C", hour=at, meter="M")
            put(connection, "events", number=number + 1, name="n", at=at)
            put(connection, "orders", number=number + 1, ended_at=at)
            put(connection, "journal", order=number + 1, at=at, line=number + 1)


def months(engine: Engine, table: str) -> list[Month]:
    with engine.begin() as connection:
        return [part.month for part in parts(connection) if part.table == table]


async def test_months_that_are_over_are_dropped_and_what_is_needed_of_them_moves(
    url: str, engine: Engine
) -> None:
    fill(engine)
    held = date(2026, 7, 3)
    with engine.begin() as connection:
        put(connection, "owed", kind="page", device="M", profile="p", moment=held.isoformat())
    store = SqlStore(url, live=False)
    duty = Retaining(store, LoopClock(NOW), config(), live=False)
    seen = {each.table: each for each in await duty.look()}
    went = {each.table: each for each in await duty.delete("ana", "test")}
    assert {name: each.rows for name, each in seen.items()} == {
        name: each.rows for name, each in went.items()
    }
    for table in TABLES:
        if table != "validated_days":
            assert months(engine, table) == [AUGUST], table
            assert table == "journal" or went[table].months_dropped == 2
    days = (CUT - date(2026, 6, 10)).days
    assert went["interval_days"].reasons == {Needed.OWED: 1}
    with engine.begin() as connection:
        assert rows(connection, "interval_days") == 60 - days + 1
        assert ("M", "p", held) in keys(connection, "interval_days")
        assert rows(connection, "past_days") == days - 1
        assert ("M", "p", held) not in keys(connection, "past_days")
        assert rows(connection, "journal") == rows(connection, "orders") == 60 - days
        assert rows(connection, "events") == 60 - days
        others = connection.exec_driver_sql("SELECT day, received FROM interval_days_others")
        assert list(others) == [(held, 90 + 23)], "as it was"
    assert {name: each.gone for name, each in store.read(kept).items()} == {
        each.table: each.rows for each in went.values() if each.rows
    }
    assert not any(each.rows for each in await duty.delete("ana", "test"))
    await store.close()


async def test_a_month_of_which_much_is_needed_goes_row_by_row(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_months, "HELD_MAX", 0)
    fill(engine)
    with engine.begin() as connection:
        put(connection, "owed", kind="page", device="M", profile="p", moment="2026-07-03")
    store = SqlStore(url, live=False)
    await Retaining(store, LoopClock(NOW), config(), live=False).delete("", "test")
    assert months(engine, "interval_days") == [JULY, AUGUST]
    with engine.begin() as connection:
        found = connection.exec_driver_sql("SELECT day FROM interval_days_y2026m07")
        assert list(found.scalars()) == [date(2026, 7, 3)]
    await store.close()


async def test_months_stay_while_somebody_writes_and_rows_go_as_far_as_nobody_has_them(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience_ms = partitions.LOCK_MS
    for module in (partitions, retention_months):
        monkeypatch.setattr(module, "LOCK_MS", 20)
    with engine.begin() as connection:
        for each in (JUNE, JULY):
            put(connection, "hours_heard", concentrator="C", meter="M", hour=_noon(each))
    store = SqlStore(url, live=False)
    duty = Retaining(store, LoopClock(NOW), config(), live=False)
    with engine.connect() as writing, writing.begin():
        put(writing, "hours_heard", concentrator="C", meter="N", hour=_noon(JULY))
        went = {each.table: each for each in await duty.delete("", "test")}
        assert went["hours_heard"].rows == 2
        assert months(engine, "hours_heard") == [JUNE, JULY, AUGUST]
    for module in (partitions, retention_months):
        monkeypatch.setattr(module, "LOCK_MS", patience_ms)
    went = {each.table: each for each in await duty.delete("", "test")}
    assert (went["hours_heard"].rows, went["hours_heard"].months_dropped) == (1, 2)
    assert months(engine, "hours_heard") == [AUGUST]
    await store.close()


def _noon(month: Month) -> datetime:
    return datetime(month.year, month.month, 15, 12, tzinfo=UTC)
