"""The words for orders, their journal and attempts: what goes in comes out, whole and typed."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from headend.domain.evidence import Evidence
from headend.domain.order import Attempt, JournalLine, Kind, Order, State, ValueRead
from headend.domain.reading import Reading, WantedObject
from headend.domain.reason import ReasonCode
from headend.ports import AlreadyStored
from headend.registry.tariff_file import parse
from headend.store.orders import IDENTITY
from headend.store.transaction import SqlTransaction
from protocols.concentrator.demand import DemandRead
from protocols.concentrator.messages import ClockWanted
from tests.store.making import STORY, T0, at, order

aware = st.datetimes(
    min_value=datetime(1970, 1, 2, tzinfo=UTC).replace(tzinfo=None),
    max_value=datetime(9999, 12, 30, tzinfo=UTC).replace(tzinfo=None),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-4)), timezone(timedelta(hours=14))]),
)
# No NUL and no lone surrogate: neither can stand in an XML message.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
numbers = st.integers(0, 2**62)
amounts = st.decimals(allow_nan=False, allow_infinity=False)


bounds = st.builds(ClockWanted, st.floats(0.5, 900), st.floats(0, 900), texts)
CALENDAR = parse(
    """name = "X"
season = [{ name = "S", start = "01-01", week = "W" }]
week = [{ name = "W", days = [1, 1, 1, 1, 1, 1, 1] }]
day = [{ number = 1, switch = { "00:00" = 1, "18:00" = 3 } }]
special = [{ date = "2027-04-02", day = 1 }]
"""
)


some_text = st.none() | texts
billings = st.builds(
    DemandRead, st.none() | numbers, some_text, st.none() | numbers, some_text, some_text, some_text
)


@st.composite
def any_order(draw: st.DrawFn) -> Order:
    """An order with whatever its types allow in every field."""
    kind = draw(st.sampled_from(Kind))
    values = draw(
        st.builds(
            Order,
            number=numbers,
            transaction_id=texts,
            source=texts,
            meter=texts,
            kind=st.just(Kind.CONNECT),
            accepted_at=aware,
            ready_at=aware,
            not_before=aware,
            deadline=aware,
            state=st.sampled_from(State),
            priority=st.integers(0, 99),
            message_id=st.none() | texts,
            correlation_id=st.none() | texts,
            reply_address=st.none() | texts,
            noun=texts,
            generic=st.booleans(),
            amount=st.none(),
            unit=st.none() | texts,
            until=st.none() | aware,
            any_day=st.booleans(),
            concentrator=st.none() | texts,
            attempts=st.integers(0, 2**31 - 1),
            tries=st.integers(0, 2**31 - 1),
            commanded=st.integers(0, 2**31 - 1),
            not_after=st.none() | aware,
            reason=st.none() | st.sampled_from(ReasonCode),
            value_read=st.none()
            | st.builds(
                ValueRead,
                limit=st.none() | amounts,
                limit_active=st.none() | amounts,
                load_on=st.none() | st.booleans(),
                demand=st.none() | billings,
            ),
            evidence=st.lists(st.builds(Evidence, at=aware, text=texts), max_size=3).map(tuple),
            ended_at=st.none() | aware,
            verify_at=st.none() | aware,
            restores=st.none() | numbers,
        )
    )
    amount = draw(amounts) if kind is Kind.SET_LIMIT else None
    if kind is Kind.READ:
        wanted = st.builds(WantedObject, st.integers(0, 99), texts, st.integers(0, 99), texts)
        read = st.builds(Reading, at=aware, received_at=aware)
        values = replace(
            values,
            kind=kind,
            objects=tuple(draw(st.lists(wanted, min_size=1, max_size=3))),
            readings=tuple(draw(st.lists(read, max_size=2))),
        )
    if kind is Kind.UPDATE_FIRMWARE:
        aware_or_none = draw(st.none() | aware)
        values = replace(values, kind=kind, image=draw(texts), activate_at=aware_or_none)
    if kind is Kind.SET_CLOCK:
        values = replace(values, kind=kind, clock=draw(bounds))
    if kind is Kind.SET_TARIFF:
        calendar = msgspec.structs.replace(CALENDAR, activate_at=draw(st.none() | aware))
        values = replace(values, kind=kind, tariff=calendar)
    return replace(values, kind=kind, amount=amount, until_pressed=draw(st.booleans()))


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=any_order(), then=any_order())
def test_every_field_survives_adding_and_saving(
    tx: SqlTransaction, connection: Connection, first: Order, then: Order
) -> None:
    with connection.begin_nested() as example:
        tx.add_order(first, STORY)
        assert tx.order(first.number) == first
        kept = {name: getattr(first, name) for name in IDENTITY} | {"amount": first.amount}
        saved = replace(then, **kept)
        tx.save_order(saved, at=T0, cause="changed")
        read = tx.order(first.number)
        assert read == saved
        times = [getattr(read, field.name) for field in fields(Order) if "_at" in field.name]
        assert {time.utcoffset() for time in times if time is not None} <= {timedelta(0)}
        if saved.amount is not None:  # equal is not enough: 1500 and 1500.0 are equal
            assert str(read.amount) == str(saved.amount)  # type: ignore[union-attr]
        example.rollback()


NAIVE = T0.replace(tzinfo=None)
REFUSED: dict[str, Any] = {
    # a name: what cannot be stored
    "naive accepted_at": order(1, accepted_at=NAIVE),
    "naive deadline": order(1, deadline=NAIVE),
    "naive until": order(1, until=NAIVE),
    "amount that is no number": order(1, kind=Kind.SET_LIMIT, amount=Decimal("NaN")),
    "endless amount": order(1, kind=Kind.SET_LIMIT, amount=Decimal("Infinity")),
    "state out of nowhere": order(1, state="asleep"),
}


@pytest.mark.parametrize("bad", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_kept_is_refused(tx: SqlTransaction, bad: Order) -> None:
    with pytest.raises(ValueError):
        tx.add_order(bad, STORY)
    assert tx.order(1) is None


def test_naive_times_are_refused_wherever_they_come_in(tx: SqlTransaction) -> None:
    tx.add_order(order(1), STORY)
    for attempt in (
        lambda: tx.save_order(order(1), at=NAIVE, cause="x"),
        lambda: tx.claim("C1", worker="w", now=NAIVE, lease_until=at(60)),
        lambda: tx.claim("C1", worker="w", now=T0, lease_until=NAIVE),
        lambda: tx.next_due("C1", after=NAIVE),
        lambda: tx.hasten("C1", NAIVE),
        lambda: tx.ended_with("C1", [], NAIVE),
        lambda: tx.begin_attempt(Attempt(1, 1, NAIVE)),
        lambda: tx.due_outgoing(NAIVE, 10, channels=["queue"]),
        lambda: tx.settle("m1", at=NAIVE),
    ):
        with pytest.raises(ValueError, match="time zone"):
            attempt()


def test_numbers_grow(tx: SqlTransaction) -> None:
    assert [tx.next_order_number() for _ in range(3)] == [1, 2, 3]


def test_a_number_is_taken_once(tx: SqlTransaction, connection: Connection) -> None:
    tx.add_order(order(7), STORY)
    with pytest.raises(AlreadyStored), connection.begin_nested():
        tx.add_order(order(7), STORY)
    assert tx.waiting_orders() == 1


def test_an_unknown_order_cannot_be_saved(tx: SqlTransaction) -> None:
    assert tx.order(1) is None
    for standing in (order(1), order(1, state=State.DONE)):
        with pytest.raises(LookupError):
            tx.save_order(standing, at=T0, cause="x")
    assert tx.waiting_orders() == 0


def test_the_journal_tells_all_in_sequence(tx: SqlTransaction) -> None:
    received = order(1, state=State.RECEIVED)
    with pytest.raises(ValueError):
        tx.add_order(received, ())
    tx.add_order(received, STORY)
    tx.add_order(order(2), STORY[:1])
    tx.save_order(order(1, state=State.DISPATCHED), at=at(5), cause="sent", attempt=1)
    assert tx.journal(1) == [
        JournalLine(1, T0, State.RECEIVED, "from CIS"),
        JournalLine(1, T0, State.QUEUED, "waits"),
        JournalLine(1, at(5), State.DISPATCHED, "sent", 1),
    ]
    assert tx.journal(3) == []


def test_orders_of_a_transaction_and_of_a_correlation(tx: SqlTransaction) -> None:
    for number, transaction, correlation in ((3, "a", "k"), (1, "a", "l"), (2, "b", "k")):
        made = order(number, transaction_id=transaction, correlation_id=correlation)
        tx.add_order(made, STORY)

    def found(**by: str) -> list[int]:
        return [order.number for order in tx.orders_of(**by)]

    assert found(transaction_id="a") == [1, 3]
    assert found(correlation_id="k") == [2, 3]
    assert found(transaction_id="a", correlation_id="k") == [3]
    assert found(transaction_id="z") == []
    with pytest.raises(ValueError):
        tx.orders_of()


def test_open_orders_of_a_meter_and_of_a_concentrator(tx: SqlTransaction) -> None:
    tx.add_order(order(2), STORY)
    tx.add_order(order(1, ready_at=at(9_000), concentrator=None), STORY)
    tx.add_order(order(3, meter="M2"), STORY)
    tx.add_order(order(4, state=State.REJECTED), STORY)
    tx.add_order(order(5, state=State.FAILED, verify_at=at(60)), STORY)
    assert [order.number for order in tx.open_orders_of_meter("M1")] == [1, 2]
    assert [order.number for order in tx.open_orders_of_concentrator("C1")] == [2, 3]


def test_waiting_orders_are_counted_as_they_come_and_go(tx: SqlTransaction) -> None:
    tx.add_order(order(1), STORY)
    tx.add_order(order(2, concentrator="C2"), STORY)
    tx.add_order(order(3, state=State.REJECTED), STORY)
    counts = (tx.waiting_orders(), tx.waiting_orders("C1"), tx.waiting_orders("C2"))
    assert counts == (2, 1, 1)
    tx.save_order(order(1, state=State.UNKNOWN), at=T0, cause="x")
    assert tx.waiting_orders() == 2
    tx.save_order(order(1, state=State.FAILED, verify_at=at(60)), at=T0, cause="x")
    assert (tx.waiting_orders(), tx.waiting_orders("C1")) == (1, 0)
    tx.save_order(order(1, state=State.FAILED), at=T0, cause="looked")
    assert (tx.waiting_orders(), tx.waiting_orders("C1")) == (1, 0)


def test_states_are_counted(tx: SqlTransaction) -> None:
    assert tx.count_states() == {}
    for number, state in enumerate((State.QUEUED, State.DONE, State.DONE), 1):
        tx.add_order(order(number, state=state), STORY)
    assert tx.count_states() == {State.QUEUED: 1, State.DONE: 2}


def test_orders_that_ended_with_a_reason(tx: SqlTransaction) -> None:
    modem, sim = ReasonCode.MODEM_FAULT, ReasonCode.SIM_FAULT
    for number, reason, ended, concentrator in (
        (1, modem, 50, "C1"),
        (2, sim, 40, "C1"),
        (3, modem, 10, "C1"),  # too long ago
        (4, ReasonCode.EXPIRED, 50, "C1"),
        (5, modem, 50, "C2"),
    ):
        tx.add_order(
            order(
                number,
                state=State.FAILED,
                reason=reason,
                ended_at=at(ended),
                concentrator=concentrator,
            ),
            STORY,
        )
    tx.add_order(order(6, reason=modem, ended_at=None), STORY)  # still open
    found = tx.ended_with("C1", iter([modem, sim]), at(40))
    assert [order.number for order in found] == [2, 1]


def test_attempts_begin_and_end(tx: SqlTransaction, connection: Connection) -> None:
    tx.add_order(order(1), STORY)
    first, look = Attempt(1, 1, T0), Attempt(1, 2, at(9), verification=True)
    tx.begin_attempt(look)
    tx.begin_attempt(first)
    assert tx.attempts(1) == [first, look]
    with pytest.raises(AlreadyStored), connection.begin_nested():
        tx.begin_attempt(first)
    ended = replace(first, ended_at=at(5), result="done", engine="own", exchanges=b"\x00{}\xff")
    tx.end_attempt(ended)
    assert tx.attempts(1) == [ended, look]
    with pytest.raises(LookupError):
        tx.end_attempt(Attempt(1, 3, T0))
    assert tx.attempts(2) == []


def test_nothing_is_told_of_an_order_that_does_not_exist(tx: SqlTransaction) -> None:
    with pytest.raises(ValueError, match="(?i)foreign key"):
        tx.begin_attempt(Attempt(99, 1, T0))
