"""One changed bit and one repeated answer, against both engines, in every kind of ciphering.

The settings that cipher differently on the wire: service-specific and general, under the global and
under the dedicated key, whole answers and answers in blocks.
"""

from __future__ import annotations

from typing import Any

import pytest

from protocols.dlms.codes import Conformance
from protocols.dlms.events import NEED_DATA, ProtocolViolation
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import (
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
)
from protocols.dlms.settings import CONFORMANCE
from protocols.dlms.values import DoubleLongUnsigned, OctetString, Value
from tests.dlms_engines.field import ENGINES, client_settings, server_settings

ENERGY = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)
SHORT, LONG = DoubleLongUnsigned(1517), OctetString(bytes(range(200)))
GENERAL = CONFORMANCE | Conformance.GENERAL_PROTECTION
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], set[int]]] = {
    "glo": ({}, {}, {0xCC}),
    "ded": ({"dedicated_key": b"D" * 16}, {}, {0xD4}),
    "general-glo": (
        {"general_ciphering": True, "conformance": GENERAL},
        {"conformance": GENERAL},
        {0xDB},
    ),
    "general-ded": (
        {"general_ciphering": True, "conformance": GENERAL, "dedicated_key": b"D" * 16},
        {"conformance": GENERAL},
        {0xDC},
    ),
}


class Talk:
    """A client of either engine and our server; `answers` are what the server said last."""

    def __init__(self, engine: str, kind: str, value: Value) -> None:
        ours, theirs, self.tags = KINDS[kind]
        blocks = {"max_pdu_size": 120} if isinstance(value, OctetString) else {}
        self.client = ENGINES[engine](client_settings(**ours, **blocks))
        self.server = ServerConnection(server_settings(**theirs))
        self.value = value
        wire: bytes | None = self.client.send(AssociationRequest(), now=0.0)
        while wire is not None:
            for reply in self.serve(wire):
                self.client.receive_data(reply, now=0.0)
            wire = self.client.data_to_send()
        while self.client.next_event() is not NEED_DATA:
            pass

    def serve(self, wire: bytes) -> list[bytes]:
        self.server.receive_data(wire, now=0.0)
        replies = []
        while (event := self.server.next_event()) is not NEED_DATA:
            if isinstance(event, GetRequest):
                replies.append(self.server.send(GetResponse.of(self.value), now=0.0))
        while (own := self.server.data_to_send()) is not None:
            replies.append(own)
        return replies

    def hear(self, wire: bytes) -> list[Any]:
        """What the client is told of one answer."""
        self.client.receive_data(wire, now=0.0)
        events = []
        while (event := self.client.next_event()) is not NEED_DATA:
            events.append(event)
        return events


@pytest.mark.parametrize("value", [SHORT, LONG], ids=["whole", "in blocks"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_octet_of_every_answer_counts_and_none_counts_twice(engine, kind, value) -> None:
    talk = Talk(engine, kind, value)
    wire: bytes | None = talk.client.send(GetRequest.of(ENERGY), now=0.0)
    seen: list[bytes] = []
    done: list[Any] = []
    while wire is not None:
        (answer,) = talk.serve(wire)
        assert answer[0] in talk.tags
        for at in range(len(answer)):
            changed = bytearray(answer)
            changed[at] ^= 1 << at % 8
            assert all(isinstance(e, ProtocolViolation) for e in talk.hear(bytes(changed))), at
            assert talk.client.data_to_send() is None
        for old in seen:
            assert [type(e) for e in talk.hear(old)] == [ProtocolViolation]
            assert talk.client.data_to_send() is None
        done = talk.hear(answer)
        seen.append(answer)
        wire = talk.client.data_to_send()
    assert done == [GetResponse.of(value)]
    assert (len(seen) > 2) is (value is LONG)
    for old in seen:
        assert [type(e) for e in talk.hear(old)] == [ProtocolViolation]


@pytest.mark.parametrize("kind", ["ded", "general-ded"])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_answer_under_another_dedicated_key_is_none(engine, kind) -> None:
    talk = Talk(engine, kind, SHORT)
    wire = talk.client.send(GetRequest.of(ENERGY), now=0.0)
    talk.server.receive_data(wire, now=0.0)
    talk.server._protection.use_dedicated_key(b"E" * 16)
    forged = talk.server.send(GetResponse.of(SHORT), now=0.0)
    assert [type(event) for event in talk.hear(forged)] == [ProtocolViolation]
