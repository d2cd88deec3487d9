"""The log of messages at CIM doors: what is written is found again, by either of its ids."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from headend.domain.message_log import DoorMessage
from headend.ports import InboundMessage
from headend.store import message_queries as queries
from headend.store.transaction import SqlTransaction
from tests.store.making import T0

FULL = DoorMessage(
    at=T0,
    door="HES",
    address="10.20.0.7",
    certificate="ESB",
    username="COMERCIAL",
    source="COMERCIAL",
    verb="create",
    noun="EndDeviceControls",
    message_id="m-1",
    correlation_id="c-1",
    octets=2_048,
    digest="ab" * 32,
    status=200,
    result="OK",
    code="0.3",
    key="",
    took_ms=12,
)
UNREAD = replace(
    FULL, certificate=None, username=None, source=None, verb="", noun="", message_id=None,
    correlation_id=None, result="FAULT", code="1.8", key="XML_MAL_FORMADO", status=500,
)  # fmt: skip


def test_found_by_either_id(tx: SqlTransaction, connection: Connection) -> None:
    other = replace(FULL, message_id="m-2")
    tx.add_door_messages([FULL, UNREAD, other])
    tx.add_door_messages([])
    first, second = queries.logged(connection, "c-1")
    assert [replace(each, number=0) for each in (first, second)] == [FULL, other]
    assert first.number < second.number
    assert queries.logged(connection, "m-2") == [second]
    assert queries.logged(connection, "m-3") == []
    assert queries.logged(connection, "c-1", limit=1) == [first]


def test_what_took_effect_under_a_message_id(tx: SqlTransaction, connection: Connection) -> None:
    one = InboundMessage("A", "m-1", "d", T0, "t-1", b"<a/>", b"<b/>")
    for message in (one, replace(one, source="B", transaction_id="t-2"),
                    replace(one, message_id="m-2", transaction_id="t-3")):  # fmt: skip
        tx.add_inbound(message)
    assert [each.transaction_id for each in queries.kept(connection, "m-1")] == ["t-1", "t-2"]
    assert queries.kept(connection, "m-3") == []
    assert queries.orders_of(connection, "t-1") == []
