"""CIM messages owed: at least once, one after the other for each stream, gone when settled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headend.ports import AlreadyStored, OutboundMessage, OutboundStream
from headend.store.transaction import SqlTransaction
from tests.store.making import T0, at

STREAM = OutboundStream("s", "pages", "", T0, b"\x00\xff", "https://mdm/reply")


def message(
    name: str, stream: str = "s", channel: str = "soap", seconds: float = 0
) -> OutboundMessage:
    return OutboundMessage(name, stream, channel, at(seconds), b"\x00\xff", "https://mdm/reply")


def due(tx: SqlTransaction, seconds: float = 0, channel: str = "soap") -> list[str]:
    return [each.message_id for each in tx.due_outbound(at(seconds), 10, channel=channel)]


def test_a_message_comes_out_as_it_was_posted(tx: SqlTransaction) -> None:
    posted = message("a")
    tx.post_outbound(posted)
    assert tx.due_outbound(T0, 10, channel="soap") == [replace(posted, due_at=T0)]
    with pytest.raises(AlreadyStored):
        tx.post_outbound(posted)


def test_only_the_head_of_a_stream_leaves(tx: SqlTransaction) -> None:
    for each in (message("a"), message("b"), message("c", "t"), message("d", "u", "queue")):
        tx.post_outbound(each)
    assert (due(tx), due(tx, channel="queue")) == (["a", "c"], ["d"])
    assert tx.outbound_waiting("s") == 2
    tx.postpone_outbound("a", until=at(5))
    tx.postpone_outbound("b", until=at(5))  # no head: nothing to put off
    assert (due(tx), due(tx, 5)) == (["c"], ["c", "a"])
    assert tx.next_outbound_due(channel="soap") == T0
    tx.note_outbound_trouble("a", "nobody is there")
    assert [m.trouble for m in tx.due_outbound(at(9), 9, channel="soap")] == [
        None,
        "nobody is there",
    ]
    assert tx.settle_outbound("a", at=at(6))
    assert not tx.settle_outbound("a", at=at(6))
    assert due(tx, 6) == ["c", "b"]
    assert not tx.settle_outbound("z", at=at(6))
    assert tx.settle_outbound("b", at=at(7))
    tx.post_outbound(message("e", seconds=8))
    assert due(tx, 8) == ["c", "e"]
    assert tx.drop_outbound("s") == 1
    assert due(tx, 8) == ["c"]
    assert tx.next_outbound_due(channel="none") is None


def test_a_stream_moves_and_ends(tx: SqlTransaction) -> None:
    tx.add_stream(STREAM)
    tx.add_stream(replace(STREAM, name="r", kind="reads"))
    assert tx.streams("pages") == [STREAM]
    tx.move_stream("s", "further")
    assert tx.stream("s") == replace(STREAM, cursor="further")
    tx.post_outbound(message("a"))
    tx.end_stream("s")
    assert (tx.stream("s"), tx.streams("pages"), due(tx)) == (None, [], ["a"])
    with pytest.raises(AlreadyStored):
        tx.add_stream(replace(STREAM, name="r"))
