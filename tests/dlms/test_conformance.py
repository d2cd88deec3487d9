"""Nothing beyond the conformance agreed on: neither said by a server, nor carried out for a client.

Source: Green Book 9.4.6.1 and 9.3.2 (the conformance block and what its bits stand for).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.dlms import apdu
from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import Conformance, ServiceError, StateError
from protocols.dlms.connection import Protected, required_conformance
from protocols.dlms.events import Associated
from protocols.dlms.general_block import GeneralBlock
from protocols.dlms.notification import DataNotification, EventNotification
from protocols.dlms.services import (
    AccessGet,
    AccessRequest,
    ActionRequest,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    SelectiveAccess,
    SetRequest,
)
from protocols.dlms.set import DataBlock
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.values import NULL, Array, DoubleLongUnsigned, LongUnsigned, OctetString
from protocols.errors import LocalProtocolError
from tests.dlms import strategies
from tests.dlms.pair import CLOCK, ENERGY, SCRIPT, Pair, gmac_client, gmac_server, said

C = Conformance
EVERYTHING = Conformance(0)
for bit in Conformance:
    EVERYTHING |= bit
SIZE = 60
"""Of an APDU for the client: long answers need blocks."""

LONG = OctetString(bytes(150))
VALUE = DoubleLongUnsigned(7)
PART = AttributeDescriptor(7, CLOCK.instance, 2, SelectiveAccess(2, Array()))
UNSUPPORTED = ExceptionResponse(StateError.SERVICE_UNKNOWN, ServiceError.SERVICE_NOT_SUPPORTED)
USED_BY: dict[type[Any], Conformance] = {
    apdu.GetResponseNormal: C.GET,
    apdu.GetResponseBlock: C.GET | C.BLOCK_TRANSFER_WITH_GET,
    apdu.GetResponseWithList: C.GET | C.MULTIPLE_REFERENCES,
    apdu.SetResponseNormal: C.SET,
    apdu.SetResponseBlock: C.SET | C.BLOCK_TRANSFER_WITH_SET,
    apdu.SetResponseLastBlock: C.SET | C.BLOCK_TRANSFER_WITH_SET,
    apdu.SetResponseLastBlockWithList: C.SET | C.BLOCK_TRANSFER_WITH_SET | C.MULTIPLE_REFERENCES,
    apdu.SetResponseWithList: C.SET | C.MULTIPLE_REFERENCES,
    apdu.ActionResponseNormal: C.ACTION,
    apdu.ActionResponseBlock: C.ACTION | C.BLOCK_TRANSFER_WITH_ACTION,
    apdu.ActionResponseNext: C.ACTION | C.BLOCK_TRANSFER_WITH_ACTION,
    apdu.ActionResponseWithList: C.ACTION | C.MULTIPLE_REFERENCES,
    apdu.AccessResponseApdu: C.ACCESS,
    GeneralBlock: C.GENERAL_BLOCK_TRANSFER,
    ExceptionResponse: Conformance(0),  # says that something is not for this association
    apdu.AARE: Conformance(0),
    apdu.RLRE: Conformance(0),
}


def asked() -> Iterator[tuple[str, apdu.Apdu, Conformance]]:
    """Requests, each with all that it takes."""
    first, last = DataBlock(False, 1, b"\x09\x02"), DataBlock(True, 1, b"\x00")
    sets, acts = C.SET | C.BLOCK_TRANSFER_WITH_SET, C.ACTION | C.BLOCK_TRANSFER_WITH_ACTION
    several, part = C.MULTIPLE_REFERENCES, C.SELECTIVE_ACCESS
    yield "GET", apdu.GetRequestNormal(0x41, ENERGY), C.GET
    yield "GET of a part", apdu.GetRequestNormal(0x41, PART), C.GET | part
    yield "GET with list", apdu.GetRequestWithList(0x41, (ENERGY, ENERGY)), C.GET | several
    yield "GET with a list of one", apdu.GetRequestWithList(0x41, (ENERGY,)), C.GET | several
    yield "GET next", apdu.GetRequestNext(0x41, 1), C.GET | C.BLOCK_TRANSFER_WITH_GET
    yield "SET", apdu.SetRequestNormal(0x41, ENERGY, VALUE), C.SET
    yield "SET of a part", apdu.SetRequestNormal(0x41, PART, VALUE), C.SET | part
    yield "SET with list", apdu.SetRequestWithList(0x41, (ENERGY,), (VALUE,)), C.SET | several
    yield "SET in blocks", apdu.SetRequestFirstBlock(0x41, ENERGY, first), sets
    yield "SET in one block", apdu.SetRequestFirstBlock(0x41, ENERGY, last), sets
    yield "SET of a part in blocks", apdu.SetRequestFirstBlock(0x41, PART, first), sets | part
    yield (
        "SET with list in blocks",
        apdu.SetRequestWithListFirstBlock(0x41, (ENERGY, CLOCK), first),
        sets | several,
    )
    yield "a block of a SET", apdu.SetRequestBlock(0x41, first), sets
    yield "ACTION", apdu.ActionRequestNormal(0x41, SCRIPT, VALUE), C.ACTION
    yield (
        "ACTION with list",
        apdu.ActionRequestWithList(0x41, (SCRIPT,), (NULL,)),
        (C.ACTION | several),
    )
    yield "ACTION in blocks", apdu.ActionRequestFirstBlock(0x41, SCRIPT, first), acts
    yield (
        "ACTION with list in blocks",
        apdu.ActionRequestWithListFirstBlock(0x41, (SCRIPT, SCRIPT), first),
        acts | several,
    )
    yield "a block of an ACTION", apdu.ActionRequestBlock(0x41, first), acts
    yield (
        "ACCESS",
        apdu.AccessRequestApdu(0x40000001, b"", (AccessGet(ENERGY),)),
        C.ACCESS,
    )
    yield (
        "ACCESS of a part",
        apdu.AccessRequestApdu(0x40000001, b"", (AccessGet(PART),)),
        C.ACCESS | part,
    )
    whole = GeneralBlock(True, False, 1, 1, 0, encode(apdu.GetRequestNormal(0x41, ENERGY)))
    yield "GET in general blocks", whole, C.GET | C.GENERAL_BLOCK_TRANSFER


REQUESTS = {name: (request, takes) for name, request, takes in asked()}


def opened(proposed: Conformance, *, ciphered: bool = False) -> Pair:
    """A server that would do anything, and a client that asks for this much."""
    if ciphered:
        client = gmac_client(conformance=proposed, max_pdu_size=SIZE + 40)
        pair = Pair(client, gmac_server(conformance=EVERYTHING))
    else:
        client = ClientSettings(conformance=proposed, max_pdu_size=SIZE)
        pair = Pair(client, ServerSettings(conformance=EVERYTHING))
    pair.objects.attributes = {ENERGY: LONG, PART: LONG, CLOCK: VALUE}
    pair.objects.returned = LONG
    assert isinstance(pair.associate()[-1], Associated)
    return pair


def judged(pair: Pair, wire: bytes, agreed: Conformance) -> list[apdu.Apdu]:
    """What the server answers and is asked to do, once both are legal."""
    answers = [decode(reply) for reply in pair.serve(wire)]
    for each in answers:
        missing = USED_BY[type(each)] & ~agreed
        assert not missing, (each, missing)
    for event in pair.server_events:
        if isinstance(event, GetRequest | SetRequest | ActionRequest | AccessRequest):
            assert not required_conformance(event) & ~agreed, event
    return answers


some_bits = st.sets(st.sampled_from(list(Conformance)), min_size=1).map(
    lambda bits: Conformance(sum(map(int, bits)))
)
_valid = st.sampled_from([request for request, _ in REQUESTS.values()])


@given(some_bits, st.lists(_valid | strategies.any_apdu, max_size=6))
@example(C.GET | C.SET | C.ACTION, [request for request, _ in REQUESTS.values()])
@example(EVERYTHING, [request for request, _ in REQUESTS.values()])
def test_every_answer_is_of_what_was_agreed_on(
    agreed: Conformance, requests: list[apdu.Apdu]
) -> None:
    pair = opened(agreed)
    for request in requests:
        if isinstance(request, apdu.AARQ | apdu.RLRQ):
            continue
        judged(pair, encode(request), agreed)


@pytest.mark.parametrize(("request_", "takes"), REQUESTS.values(), ids=REQUESTS)
def test_each_request_without_each_bit_that_it_takes(
    request_: apdu.Apdu, takes: Conformance
) -> None:
    assert judged(opened(EVERYTHING), encode(request_), EVERYTHING) != [UNSUPPORTED]
    for missing in Conformance:
        if not missing & takes:
            continue
        pair = opened(EVERYTHING & ~missing)
        assert judged(pair, encode(request_), EVERYTHING & ~missing) == [UNSUPPORTED]
        done = (GetRequest, SetRequest, ActionRequest, AccessRequest)
        assert not [event for event in pair.server_events if isinstance(event, done)]


@pytest.mark.parametrize(("request_", "takes"), REQUESTS.values(), ids=REQUESTS)
def test_nor_more_than_a_request_takes(request_: apdu.Apdu, takes: Conformance) -> None:
    """With just these bits it is understood; a long answer may then still fit in no APDU."""
    answers = judged(opened(takes), encode(request_), takes)
    assert answers and UNSUPPORTED not in answers


@given(some_bits, _valid)
def test_ciphered_alike(agreed: Conformance, request: apdu.Apdu) -> None:
    pair = opened(agreed, ciphered=True)
    alone = isinstance(request, apdu.AccessRequestApdu)
    if isinstance(request, GeneralBlock):
        return  # carries what is ciphered
    wire = pair.client._pack(request, Protected(0x30, general=alone))
    answers = pair.serve(wire)
    list(said(pair.client))
    for each in answers:
        opened_up = decode(each)
        if not isinstance(opened_up, ExceptionResponse | GeneralBlock):
            opened_up, _ = pair.client._open(each)
        assert not USED_BY[type(opened_up)] & ~agreed


NOTIFICATIONS = {
    "event": (EventNotification(None, ENERGY, LongUnsigned(1)), C.EVENT_NOTIFICATION),
    "data": (DataNotification(1, b"", LongUnsigned(1)), C.DATA_NOTIFICATION),
}


@pytest.mark.parametrize(("notification", "takes"), NOTIFICATIONS.values(), ids=NOTIFICATIONS)
def test_notifications_that_were_not_agreed_on(
    notification: EventNotification | DataNotification, takes: Conformance
) -> None:
    assert opened(C.GET | takes).server.send(notification, now=0.0) == encode(notification)
    with pytest.raises(LocalProtocolError, match="not agreed on"):
        opened(C.GET).server.send(notification, now=0.0)


def test_the_server_agrees_to_no_more_than_it_knows() -> None:
    pair = Pair(
        ClientSettings(conformance=EVERYTHING),
        ServerSettings(conformance=C.GET | C.SELECTIVE_ACCESS),
    )
    (event,) = pair.associate()
    assert event.negotiated.conformance == C.GET | C.SELECTIVE_ACCESS
