"""Positions of changes: in the order in which they become visible, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from headend.domain.change import Arrived, Change, ChangeKind
from headend.domain.event import Severity
from headend.domain.notice import Notice, NoticeStep
from headend.store.engine import open_writer
from headend.store.migrate import upgrade
from headend.store.store import SCHEMA
from headend.store.transaction import SqlTransaction
from tests import databases

T0 = datetime(2026, 7, 6, tzinfo=UTC)


def change(number: int, at: datetime = T0) -> Change:
    return Change(ChangeKind.EVENT, "new", at, number, "M1")


def telling(connection: Connection) -> SqlTransaction:
    tx = SqlTransaction(connection)
    tx.telling = True
    return tx


def test_changes_are_numbered_once_without_a_gap(connection: Connection) -> None:
    tx = telling(connection)
    for number in range(5):
        tx.tell(change(number))
    assert tx.changes(0, 10) == [], "not yet"
    assert [tx.number_changes(3), tx.number_changes(3), tx.number_changes(3)] == [3, 2, 0]
    assert tx.changes(0, 10) == [replace(change(n), position=n + 1) for n in range(5)]
    assert [each.position for each in tx.changes(2, 2)] == [3, 4]


def test_nothing_is_written_where_nobody_asks(connection: Connection) -> None:
    tx = SqlTransaction(connection)
    tx.tell(change(1))
    tx.arrived("M1", "values", 3, T0, T0, now=T0)
    tx.flush_changes()
    assert tx.number_changes(10) == 0 and not tx.told


def test_what_arrives_in_one_transaction_is_one_change(connection: Connection) -> None:
    tx = telling(connection)
    later = T0 + timedelta(hours=1)
    tx.arrived("M1", "1.0.99.1.0.255", 4, later, later, now=later)
    tx.arrived("M1", "1.0.99.1.0.255", 2, T0, T0, now=later)
    tx.arrived("M2", "values", 1, T0, T0, now=later)
    tx.flush_changes()
    tx.number_changes(10)
    (found,) = tx.changes(0, 10)
    assert found == Change(
        ChangeKind.READINGS, "arrived", later, position=1,
        arrived=(
            Arrived("M1", "1.0.99.1.0.255", 6, T0, later), Arrived("M2", "values", 1, T0, T0)
        ),
    )  # fmt: skip


def test_many_arrivals_are_a_few_changes(connection: Connection) -> None:
    tx = telling(connection)
    for number in range(1200):
        tx.arrived(f"M{number}", "values", 1, T0, T0, now=T0)
    tx.flush_changes()
    tx.number_changes(10)
    assert [len(each.arrived) for each in tx.changes(0, 10)] == [500, 500, 200]


def test_old_changes_go_and_what_has_no_position_stays(connection: Connection) -> None:
    tx = telling(connection)
    for number in range(3):
        tx.tell(change(number, T0 + timedelta(days=number)))
    tx.number_changes(2)
    assert tx.forget_changes(T0 + timedelta(days=9), 1) == 1
    assert tx.forget_changes(T0 + timedelta(days=9), 9) == 1
    tx.number_changes(2)
    assert [each.number for each in tx.changes(0, 9)] == [2]


@databases.postgresql_only
def test_the_slower_transaction_is_not_missed(tmp_path: Path) -> None:
    """A line's number is taken when it is written: that of the slower is lower, and comes to light
    when a reader has passed it.  Its position is not."""
    engine = open_writer(databases.at(tmp_path / "x.db"))
    upgrade(engine, SCHEMA)
    with engine.connect() as slow, engine.connect() as fast, engine.connect() as reader:
        begun = slow.begin()
        telling(slow).tell(change(1))
        with fast.begin():
            telling(fast).tell(change(2))
        with reader.begin():
            tx = SqlTransaction(reader)
            tx.number_changes(10)
            seen = tx.changes(0, 10)
        begun.commit()
        with reader.begin():
            tx = SqlTransaction(reader)
            tx.number_changes(10)
            seen += tx.changes(seen[-1].position, 10)
    assert [(each.number, each.position) for each in seen] == [(2, 1), (1, 2)]
    engine.dispose()


@databases.postgresql_only
def test_two_workers_take_no_notice_twice(tmp_path: Path) -> None:

    engine = open_writer(databases.at(tmp_path / "x.db"))
    upgrade(engine, SCHEMA)
    with engine.connect() as one, engine.connect() as other:
        with one.begin():
            for number in range(4):
                SqlTransaction(one).add_notice(
                    Notice(
                        f"id-{number}", "r", "a", NoticeStep.TEST, None, None, Severity.INFO, T0, T0
                    )
                )  # fmt: skip
        with one.begin(), other.begin():
            mine = SqlTransaction(one).due_notices(T0, 2)
            theirs = SqlTransaction(other).due_notices(T0, 9)
    assert [each.id for each in mine + theirs] == [f"id-{number}" for number in range(4)]
    engine.dispose()
