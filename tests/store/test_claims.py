"""Which order a lane gets, and when it should come back: rules as cases, then against a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, text

from headend.domain.order import TAKEN_OVER, Kind, Order, State
from headend.store.claims import CLAIM
from headend.store.transaction import SqlTransaction
from tests import databases
from tests.store.making import STORY, T0, at, order

LIMIT = {"kind": Kind.SET_LIMIT}

CASES: dict[str, tuple[list[Order], int | None]] = {
    # name: (orders of C1, the one that is claimed at T0)
    "the only one": ([order(1)], 1),
    "the earlier accepted": ([order(2, meter="M2"), order(1)], 1),
    "the more urgent": ([order(1), order(2, meter="M2", **LIMIT)], 2),
    "not more urgent within a meter": ([order(1), order(2, **LIMIT)], 1),
    "not another concentrator's": ([order(1, concentrator="C2")], None),
    "not one without a concentrator": ([order(1, concentrator=None)], None),
    "not before its start": ([order(1, ready_at=at(1))], None),
    "not before its next step": ([order(1, not_before=at(1))], None),
    "at its very start": ([order(1, ready_at=T0, not_before=T0)], 1),
    "past a scheduled one of its meter": ([order(1, ready_at=at(1)), order(2)], 2),
    "not past one that waits to be tried again": ([order(1, not_before=at(1)), order(2)], None),
    "not past one that nobody can claim": ([order(1, concentrator=None), order(2)], None),
    "not a finished one": ([order(1, state=State.DONE)], None),
    "past a finished one": ([order(1, state=State.FAILED), order(2)], 2),
    "one to be verified": ([order(1, state=State.FAILED, verify_at=T0)], 1),
    "not yet to be verified": ([order(1, state=State.FAILED, verify_at=at(1))], None),
    "past one to be verified later": (
        [order(1, state=State.FAILED, verify_at=at(1)), order(2)],
        2,
    ),
    "not before a later one that has begun": (
        [order(1), order(2, state=State.UNKNOWN, not_before=at(1))],
        None,
    ),
    "the later one that has begun": ([order(1), order(2, state=State.EXECUTING)], 2),
    "a received one": ([order(1, state=State.RECEIVED)], 1),
    "not a look while another has begun": (
        [
            order(1, state=State.FAILED, verify_at=T0),
            order(2, state=State.UNKNOWN, not_before=at(1)),
        ],
        None,
    ),
}


def number_of(claimed: Order | None) -> int | None:
    return None if claimed is None else claimed.number


def claim(
    tx: SqlTransaction, now: float = 0, *, worker: str = "w", until: float = 60
) -> int | None:
    return number_of(tx.claim("C1", worker=worker, now=at(now), lease_until=at(until)))


@pytest.mark.parametrize("orders, expected", CASES.values(), ids=CASES)
def test_claim(tx: SqlTransaction, orders: list[Order], expected: int | None) -> None:
    for made in orders:
        tx.add_order(made, STORY)
    assert claim(tx) == expected


def test_a_claim_returns_the_order_as_it_stands(tx: SqlTransaction) -> None:
    made = order(1, **LIMIT, until=at(900), message_id="m")
    tx.add_order(made, STORY)
    assert tx.claim("C1", worker="w", now=T0, lease_until=at(60)) == made


def test_a_lease_keeps_out_everyone_until_it_ends(tx: SqlTransaction) -> None:
    tx.add_order(order(1), STORY)
    assert claim(tx, 0, until=60) == 1
    assert claim(tx, 59, worker="other") is None
    assert claim(tx, 59, worker="w") is None
    assert claim(tx, 60, worker="other", until=120) == 1
    tx.release(1)
    assert claim(tx, 61) == 1


def test_a_lease_holds_up_the_meter_whatever_the_order_s_state(tx: SqlTransaction) -> None:
    tx.add_order(order(1, state=State.FAILED, verify_at=T0), STORY)
    tx.add_order(order(2), STORY)
    tx.add_order(order(3, meter="M2"), STORY)
    assert [claim(tx), claim(tx), claim(tx)] == [1, 3, None]
    tx.release(1)
    tx.save_order(order(1, state=State.FAILED), at=T0, cause="found out")
    assert claim(tx) == 2


def test_saving_an_order_leaves_its_lease_alone(tx: SqlTransaction) -> None:
    tx.add_order(order(1), STORY)
    assert claim(tx) == 1
    tx.save_order(order(1, state=State.DISPATCHED), at=T0, cause="sent")
    tx.save_order(order(1, state=State.FAILED, verify_at=T0), at=T0, cause="unknown")
    assert claim(tx) is None
    tx.release(1)
    assert claim(tx) == 1


def test_only_the_holder_s_lease_is_given_back_where_it_is_named(tx: SqlTransaction) -> None:
    tx.add_order(order(1), STORY)
    assert claim(tx, 0, worker="slow", until=60) == 1
    assert claim(tx, 60, worker="quick", until=120) == 1
    tx.release(1, worker="slow")
    assert claim(tx, 61) is None
    tx.release(1, worker="quick")
    assert claim(tx, 61) == 1


def test_a_dead_worker_s_leases_are_given_back(tx: SqlTransaction) -> None:
    for number in (1, 2, 3):
        tx.add_order(order(number, meter=f"M{number}"), STORY)
    assert [claim(tx, worker="dead"), claim(tx, worker="dead"), claim(tx)] == [1, 2, 3]
    assert tx.note_taken_over("dead", at=at(7)) == 2
    for number, lines in ((1, 1), (2, 1), (3, 0)):
        told = [line for line in tx.journal(number) if line.cause == TAKEN_OVER]
        assert [(line.at, line.state) for line in told] == [(at(7), State.QUEUED)] * lines
    assert tx.release_all("dead") == 2
    assert tx.release_all("dead") == 0
    assert [claim(tx), claim(tx), claim(tx)] == [1, 2, None]


def test_when_to_come_back(tx: SqlTransaction) -> None:
    assert (tx.next_due("C1"), tx.next_due("C1", after=T0)) == (None, None)
    tx.add_order(order(1), STORY)
    tx.add_order(order(2, meter="M2", ready_at=at(50), not_before=at(40)), STORY)
    tx.add_order(order(3, meter="M3", state=State.FAILED, verify_at=at(70)), STORY)
    tx.add_order(order(4, concentrator="C2", not_before=at(5)), STORY)
    assert tx.next_due("C1") == T0
    assert tx.next_due("C1", after=T0) == at(50)
    assert tx.next_due("C1", after=at(50)) == at(70)
    assert tx.next_due("C1", after=at(70)) is None
    assert claim(tx, 0, until=60) == 1
    assert tx.next_due("C1", after=at(50)) == at(60)  # the lease ends
    assert tx.next_due("C1") == T0


def test_concentrators_with_work(tx: SqlTransaction) -> None:
    assert tx.concentrators_with_work() == []
    for number, concentrator, state in (
        (1, "C2", State.QUEUED),
        (2, "C1", State.UNKNOWN),
        (3, "C3", State.DONE),
        (4, None, State.QUEUED),
        (5, "C1", State.QUEUED),
    ):
        tx.add_order(order(number, concentrator=concentrator, state=state), STORY)
    tx.add_order(order(6, concentrator="C4", state=State.FAILED, verify_at=at(9)), STORY)
    assert tx.concentrators_with_work() == ["C1", "C2", "C4"]


def test_what_waited_for_a_silent_concentrator_is_hastened(tx: SqlTransaction) -> None:
    later = {"not_before": at(900)}
    made = [
        order(1, meter="M1", **later),
        order(2, meter="M2", state=State.UNKNOWN, **later),
        order(3, meter="M3", state=State.FAILED, verify_at=at(900), **later),
        order(4, meter="M4", ready_at=at(800), **later),  # not ready
        order(5, meter="M5", state=State.EXECUTING, **later),  # under way
        order(6, meter="M6", concentrator="C2", **later),
        order(7, meter="M7"),  # due anyway
        order(8, meter="M8", state=State.DONE, **later),
    ]
    for one in made:
        tx.add_order(one, STORY)
    assert tx.hasten("C1", at(10)) == 3
    assert [claim(tx, 10) for _ in range(5)] == [1, 2, 3, 7, None]
    assert tx.order(1) == replace(made[0], not_before=at(10))
    assert tx.order(3) == replace(made[2], verify_at=at(10))
    assert tx.order(4) == made[3]


@databases.sqlite_only("the plan is SQLite's")
def test_the_claim_reads_only_what_has_work_left(connection: Connection) -> None:
    """By the plan: both looks into `orders` go through partial indexes, and nothing is sorted."""
    sql = CLAIM.sql(connection.dialect)
    binds = sql.count("?")
    plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, ("x",) * binds).all()
    steps = [row.detail for row in plan]
    assert any("next USING" in step and "orders_to_claim" in step for step in steps), steps
    assert any("other USING" in step and "orders_in_the_way" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step or step.startswith("SCAN") for step in steps), steps


# --- against a model -----------------------------------------------------------------------------

METERS = ("M1", "M2", "M3")
CONCENTRATORS = ("C1", "C2")
BEGUN = (State.DISPATCHED, State.EXECUTING, State.UNKNOWN)
delays = st.integers(-1, 6)


@dataclass
class Held:
    worker: str
    until: datetime


class Queue(RuleBasedStateMachine):
    """The store beside a list that is searched from end to end by the port's own words."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection
        self.transaction = connection.begin_nested()
        self.tx = SqlTransaction(connection)
        self.now = T0
        self.orders: dict[int, Order] = {}
        self.leases: dict[int, Held] = {}

    def teardown(self) -> None:
        self.transaction.rollback()

    # --- the model ---

    def due(self, one: Order) -> bool:
        if one.final:
            return one.verify_at is not None and one.verify_at <= self.now
        return one.not_before <= self.now and one.ready_at <= self.now

    def leased(self, one: Order) -> bool:
        held = self.leases.get(one.number)
        return held is not None and held.until > self.now

    def in_the_way(self, one: Order, other: Order) -> bool:
        if other.number == one.number or other.meter != one.meter:
            return False
        if self.leased(other) and not (other.final and other.verify_at is None):
            return True
        if other.final or one.state in BEGUN:
            return False
        return other.state in BEGUN or (other.number < one.number and other.ready_at <= self.now)

    def expected(self, concentrator: str) -> int | None:
        candidates = [
            one
            for one in self.orders.values()
            if one.concentrator == concentrator
            and self.due(one)
            and not self.leased(one)
            and not any(self.in_the_way(one, other) for other in self.orders.values())
        ]
        best = min(candidates, key=lambda one: (one.priority, one.number), default=None)
        return number_of(best)

    # --- what happens ---

    @rule(
        meter=st.sampled_from(METERS),
        concentrator=st.sampled_from(CONCENTRATORS),
        kind=st.sampled_from([Kind.SET_LIMIT, Kind.DISCONNECT]),
        start=delays,
    )
    def accept(self, meter: str, concentrator: str, kind: Kind, start: int) -> None:
        ready = max(self.now, self.later(start))
        one = order(
            self.tx.next_order_number(),
            meter=meter,
            concentrator=concentrator,
            kind=kind,
            accepted_at=self.now,
            ready_at=ready,
            not_before=ready,
        )
        self.tx.add_order(one, STORY)
        self.orders[one.number] = one

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.now = self.later(seconds)

    @rule(
        concentrator=st.sampled_from(CONCENTRATORS),
        worker=st.sampled_from(["w1", "w2"]),
        lease=st.integers(1, 8),
    )
    def claim(self, concentrator: str, worker: str, lease: int) -> None:
        expected = self.expected(concentrator)
        until = self.later(lease)
        claimed = self.tx.claim(concentrator, worker=worker, now=self.now, lease_until=until)
        assert number_of(claimed) == expected
        if claimed is not None:
            assert claimed == self.orders[claimed.number]
            self.leases[claimed.number] = Held(worker, until)

    @precondition(lambda self: self.leases)
    @rule(
        data=st.data(),
        state=st.sampled_from(
            [State.QUEUED, State.DISPATCHED, State.UNKNOWN, State.DONE, State.FAILED]
        ),
        wait=delays,
        verify=st.none() | delays,
        give_back=st.booleans(),
    )
    def step(
        self, data: st.DataObject, state: State, wait: int, verify: int | None, give_back: bool
    ) -> None:
        number = data.draw(st.sampled_from(sorted(self.leases)))
        one = self.orders[number]
        if not one.final:
            one = replace(one, state=state, not_before=self.later(wait))
        look = one.state is State.FAILED and verify is not None
        one = replace(one, verify_at=self.later(verify or 0) if look else None)
        self.tx.save_order(one, at=self.now, cause="a step")
        self.orders[number] = one
        if give_back:
            self.tx.release(number)
            del self.leases[number]

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def worker_dies(self, worker: str) -> None:
        held = [number for number, lease in self.leases.items() if lease.worker == worker]
        assert self.tx.release_all(worker) == len(held)
        for number in held:
            del self.leases[number]

    @rule(concentrator=st.sampled_from(CONCENTRATORS))
    def comes_online(self, concentrator: str) -> None:
        count = 0
        for one in self.orders.values():
            if one.concentrator != concentrator:
                continue
            hastened = one
            if one.final:
                if one.verify_at is not None and one.verify_at > self.now:
                    hastened = replace(one, verify_at=self.now)
            elif (
                one.state in (State.QUEUED, State.UNKNOWN)
                and one.ready_at <= self.now < one.not_before
            ):
                hastened = replace(one, not_before=self.now)
            count += hastened is not one
            self.orders[one.number] = hastened
        assert self.tx.hasten(concentrator, self.now) == count

    def later(self, seconds: int) -> datetime:
        return self.now + (at(seconds) - T0)

    # --- what always holds ---

    @invariant()
    def counts_agree(self) -> None:
        unfinished = [one for one in self.orders.values() if not one.final]
        assert self.tx.waiting_orders() == len(unfinished)
        for name in CONCENTRATORS:
            of_this = [one for one in unfinished if one.concentrator == name]
            assert self.tx.waiting_orders(name) == len(of_this)
            assert self.tx.open_orders_of_concentrator(name) == of_this

    @invariant()
    def one_order_of_a_meter_at_a_time(self) -> None:
        held = [self.orders[number].meter for number in self.leases if self.working(number)]
        assert len(held) == len(set(held))

    @invariant()
    def coming_back_at_the_time_told_misses_nothing(self) -> None:
        """Nothing becomes claimable, by time alone, before `next_due(after=now)` says so; unless a
        meter was linked anew and its orders are spread over two concentrators."""
        links = {(one.meter, one.concentrator) for one in self.orders.values()}
        if len(links) > len({meter for meter, _ in links}):
            return
        now = self.now
        for name in CONCENTRATORS:
            told = self.tx.next_due(name, after=now)
            if self.expected(name) is not None:
                continue
            for seconds in range(1, 16):
                self.now = at(0) + (now - T0) + (at(seconds) - T0)
                if told is not None and self.now >= told:
                    break
                assert self.expected(name) is None, f"{self.now} is before {told}"
            self.now = now

    def working(self, number: int) -> bool:
        one = self.orders[number]
        return self.leased(one) and not (one.final and one.verify_at is None)

    @invariant()
    def what_is_stored_is_what_was_saved(self) -> None:
        rows = self.connection.execute(text("SELECT number FROM orders ORDER BY number"))
        assert [row[0] for row in rows] == sorted(self.orders)
        for number, one in self.orders.items():
            assert self.tx.order(number) == one


def test_the_queue_against_its_model(connection: Connection) -> None:
    once = settings(
        max_examples=60,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(lambda: Queue(connection), settings=once)  # type: ignore[no-untyped-call]
