"""What concentrators are asked, in the store: once each by key, found again while it is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from headend.domain.activity import Activity, ActivityKind, ActivityState
from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.reason import ReasonCode
from headend.store import activity_queries as queries
from headend.store.transaction import SqlTransaction
from protocols.concentrator.collecting import Kind, Task
from protocols.concentrator.messages import ObjectWanted

AT = datetime(2026, 7, 6, 12, tzinfo=UTC)
TASK = Task(
    name="once", kind=Kind.REGISTERS, objects=(ObjectWanted(3, "1.0.1.8.0.255", 2),),
    every_s=86_400, after_s=300, meters=("M1", "M2"), back_s=7200,
)  # fmt: skip
CLOCK = Activity(0, "C-1", ActivityKind.CLOCK, "os:ana", AT, AT + timedelta(hours=1))


def added(tx: SqlTransaction, activity: Activity) -> Activity:
    number = tx.add_activity(activity)
    assert number is not None
    return replace(activity, number=number)


def test_it_comes_back_whole_and_is_open_until_it_has_ended(
    tx: SqlTransaction, connection: Connection
) -> None:
    clock = added(tx, CLOCK)
    task = added(tx, replace(CLOCK, concentrator="C-2", kind=ActivityKind.TASK, task=TASK))
    assert tx.activity(clock.number) == clock and tx.activity(task.number) == task
    assert tx.activity(task.number + 1) is None
    assert tx.open_activities() == [clock, task] and tx.open_activities("C-2") == [task]
    later = replace(
        clock, state=ActivityState.ANSWERED, sent_at=AT, tries=2, ended_at=AT,
        told={"offset_s": -0.25, "meters": 3, "firmware": "f"},
    )  # fmt: skip
    failed = replace(
        task, state=ActivityState.FAILED, ended_at=AT, reason=ReasonCode.CONCENTRATOR_UNREACHABLE
    )
    tx.save_activity(later)
    tx.save_activity(failed)
    assert tx.open_activities() == []
    assert queries.activities(connection) == [failed, later]
    assert queries.activities(connection, "C-1") == [later]
    assert queries.activities(connection, states=[ActivityState.FAILED]) == [failed]
    assert queries.activities(connection, before=failed.number) == [later]
    assert queries.activities(connection, limit=1) == [failed]
    assert queries.activity(connection, later.number) == later


def test_a_turn_of_a_schedule_is_asked_once_and_without_a_key_as_often_as_wanted(
    tx: SqlTransaction,
) -> None:
    turn = replace(CLOCK, key="daily/C-1/20260706T000000Z")
    assert added(tx, turn).scheduled
    assert tx.add_activity(turn) is None
    assert not added(tx, CLOCK).scheduled and added(tx, CLOCK)
    assert len(tx.open_activities("C-1")) == 3


def test_a_task_has_a_name_of_its_own(tx: SqlTransaction) -> None:
    asked = [added(tx, replace(CLOCK, kind=ActivityKind.TASK, task=TASK)) for _ in range(2)]
    assert len({each.own_task.name for each in asked}) == 2
    assert asked[0].own_task.meters == TASK.meters


def test_the_concentrators_of_a_place_are_those_behind_which_its_meters_hang(
    tx: SqlTransaction,
) -> None:
    tx.put_concentrators([Concentrator(name) for name in ("C-3", "C-1", "C-2")])
    tx.put_meters([Meter("M1", "C-1"), Meter("M2", "C-2"), Meter("M3", None)])
    tx.put_places([Place("Z1", PlaceKind.ZONE), Place("S1", PlaceKind.SERVICE_POINT, "Z1")])
    tx.add_installation(Installation("M1", "S1", AT))
    assert tx.concentrators_in("Z1") == ["C-1"] and tx.concentrators_in("S1") == ["C-1"]
    assert tx.concentrators_in("Z9") == []
    assert tx.concentrator_names() == ["C-1", "C-2", "C-3"]
