"""Messages owed: at least once, in sequence for each (order, channel), settled once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection

from headend.ports import AlreadyStored, Outgoing
from headend.store.transaction import SqlTransaction
from tests.store.making import STORY, T0, at, order, outgoing


@pytest.fixture
def box(tx: SqlTransaction) -> SqlTransaction:
    for number in (1, 2):
        tx.add_order(order(number), STORY)
    return tx


def due(tx: SqlTransaction, seconds: float = 0, limit: int = 10) -> list[str]:
    return [message.message_id for message in tx.due_outgoing(at(seconds), limit)]


def test_a_message_comes_out_as_it_was_posted(box: SqlTransaction) -> None:
    posted = outgoing(
        "a", channel="soap", address="https://cis/reply", body=b"\x00\xff", not_before=at(-1)
    )
    box.post(posted)
    assert box.due_outgoing(T0, 10) == [replace(posted, sequence=1)]
    with pytest.raises(AlreadyStored):
        box.post(posted)


def test_only_the_head_of_a_queue_leaves(box: SqlTransaction) -> None:
    for message in (
        outgoing("a"),
        outgoing("b", kind="event"),
        outgoing("c", channel="soap"),
        outgoing("d", order=2),
        outgoing("e", kind="event"),
    ):
        box.post(message)
    assert due(box) == ["a", "d", "c"]
    assert box.unsettled() == 5
    assert box.settle("a", at=at(1)) is True
    assert due(box) == ["b", "d", "c"]
    assert box.settle("b", at=at(1)) is True
    assert due(box) == ["d", "e", "c"] or due(box) == ["e", "d", "c"]
    assert box.unsettled() == 3


def test_a_message_posted_behind_settled_ones_leaves(box: SqlTransaction) -> None:
    box.post(outgoing("a"))
    box.settle("a", at=T0)
    box.post(outgoing("b"))
    (found,) = box.due_outgoing(T0, 10)
    assert (found.message_id, found.sequence) == ("b", 2)


def test_a_message_is_settled_once(box: SqlTransaction) -> None:
    box.post(outgoing("a"))
    assert [box.settle("a", at=T0), box.settle("a", at=T0)] == [True, False]
    assert box.settle("never posted", at=T0) is False


def test_a_try_is_counted_and_the_next_one_waits(box: SqlTransaction) -> None:
    box.post(outgoing("a"))
    box.post(outgoing("b"))
    box.postpone("a", until=at(30))
    assert (due(box, 29), due(box, 30)) == ([], ["a"])
    assert box.next_outgoing_due() == at(30)
    (found,) = box.due_outgoing(at(30), 10)
    assert (found.tries, found.not_before) == (1, at(30))
    box.settle("a", at=at(31))
    box.postpone("a", until=at(90))  # an acknowledgement was faster
    assert due(box, 31) == ["b"]


def test_a_message_waits_for_its_time_behind_its_predecessor(box: SqlTransaction) -> None:
    box.post(outgoing("a"))
    box.post(outgoing("b", not_before=at(60)))
    box.settle("a", at=at(1))
    assert (due(box, 59), due(box, 60)) == ([], ["b"])


def test_the_longest_due_leave_first_and_no_more_than_asked_for(box: SqlTransaction) -> None:
    for seconds, channel in ((3, "queue"), (1, "soap"), (2, "legacy")):
        box.post(outgoing(channel, channel=channel, not_before=at(seconds)))
    assert due(box, 9) == ["soap", "legacy", "queue"]
    assert due(box, 9, limit=2) == ["soap", "legacy"]


def test_channels_that_nobody_serves_use_up_no_limit(box: SqlTransaction) -> None:
    assert (box.next_outgoing_due(), box.next_outgoing_due(channels=["queue"])) == (None, None)
    box.post(outgoing("stuck", channel="soap"))
    box.post(outgoing("a", not_before=at(5)))
    found = box.due_outgoing(at(5), 1, channels=["queue", "legacy"])
    assert [message.message_id for message in found] == ["a"]
    assert box.due_outgoing(at(5), 1, channels=[]) == []
    assert box.next_outgoing_due(channels=["queue", "legacy"]) == at(5)
    assert box.next_outgoing_due() == T0


def test_nothing_is_owed_for_an_order_that_does_not_exist(box: SqlTransaction) -> None:
    with pytest.raises(ValueError, match="(?i)foreign key"):
        box.post(outgoing("a", order=99))


class Outbox(RuleBasedStateMachine):
    """The outbox beside plain lists, one for each (order, channel)."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.transaction = connection.begin_nested()
        self.tx = SqlTransaction(connection)

    @initialize()
    def open(self) -> None:
        for number in (1, 2):
            self.tx.add_order(order(number), STORY)
        self.seconds = 0
        self.posted: list[Outgoing] = []
        self.settled: set[str] = set()

    def teardown(self) -> None:
        self.transaction.rollback()

    def heads(self) -> list[Outgoing]:
        first: dict[tuple[int, str], Outgoing] = {}
        for message in self.posted:
            if message.message_id not in self.settled:
                first.setdefault((message.order, message.channel), message)
        return list(first.values())

    @rule(
        number=st.sampled_from([1, 2]),
        channel=st.sampled_from(["queue", "soap"]),
        wait=st.none() | st.integers(-1, 5),
    )
    def post(self, number: int, channel: str, wait: int | None) -> None:
        message = outgoing(
            f"m{len(self.posted)}",
            order=number,
            channel=channel,
            created_at=at(self.seconds),
            not_before=None if wait is None else at(self.seconds + wait),
        )
        self.tx.post(message)
        before = [m for m in self.posted if (m.order, m.channel) == (number, channel)]
        self.posted.append(replace(message, sequence=len(before) + 1))

    @precondition(lambda self: self.posted)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Any message: an acknowledgement may come twice, or for one that has not left yet."""
        name = data.draw(st.sampled_from([message.message_id for message in self.posted]))
        assert self.tx.settle(name, at=at(self.seconds)) is (name not in self.settled)
        self.settled.add(name)

    @precondition(lambda self: self.heads())
    @rule(data=st.data(), wait=st.integers(0, 5))
    def postpone(self, data: st.DataObject, wait: int) -> None:
        head = data.draw(st.sampled_from(self.heads()))
        until = at(self.seconds + wait)
        self.tx.postpone(head.message_id, until=until)
        self.posted[self.posted.index(head)] = replace(head, tries=head.tries + 1, not_before=until)

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.seconds += seconds

    @invariant()
    def heads_that_are_due_are_found(self) -> None:
        now = at(self.seconds)
        times = {m.message_id: m.not_before or m.created_at for m in self.heads()}
        expected = [m for m in self.heads() if times[m.message_id] <= now]
        found = self.tx.due_outgoing(now, 100)
        assert sorted(found, key=lambda m: m.message_id) == sorted(
            expected, key=lambda m: m.message_id
        )
        assert [times[m.message_id] for m in found] == sorted(times[m.message_id] for m in found)
        assert self.tx.next_outgoing_due() == min(times.values(), default=None)
        assert self.tx.unsettled() == len(self.posted) - len(self.settled)


def test_the_outbox_against_its_model(connection: Connection) -> None:
    once = settings(
        max_examples=60,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(lambda: Outbox(connection), settings=once)  # type: ignore[no-untyped-call]
