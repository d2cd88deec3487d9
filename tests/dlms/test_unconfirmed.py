"""Requests that want no answer: carried out, and nothing is said (Green Book 9.3.7, 9.3.8, 9.3.11).

The octets are our client's with the bit of the service class cleared, and those of gurux-dlms.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from protocols.dlms import apdu
from protocols.dlms.codes import Conformance, DataAccessResult, Security, ServiceError, StateError
from protocols.dlms.connection import Protected
from protocols.dlms.events import NEED_DATA, ProtocolViolation, Violation
from protocols.dlms.general_block import unconfirmed
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import (
    AccessAction,
    AccessGet,
    AccessSet,
    ActionRequest,
    AssociationRequest,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    SetRequest,
)
from protocols.dlms.set import DataBlock
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.state import State
from protocols.dlms.values import DoubleLongUnsigned, OctetString
from tests.dlms.pair import BOTH, CLOCK, ENERGY, SCRIPT, Pair, gmac_client, gmac_server, said, told
from tests.dlms_engines import field as engines

EVERYTHING = CONFORMANCE | Conformance.ACCESS
VALUE, OTHER = DoubleLongUnsigned(7), OctetString(bytes(12))
SIDES = {
    "plain": (ClientSettings(conformance=EVERYTHING), ServerSettings(conformance=EVERYTHING)),
    "ciphered": (gmac_client(conformance=EVERYTHING), gmac_server(conformance=EVERYTHING)),
}
# name: (APDU, attributes that it writes, methods that it invokes)
CARRIED_OUT: dict[str, tuple[apdu.Apdu, dict[Any, Any], list[Any]]] = {
    "SET": (apdu.SetRequestNormal(0x01, ENERGY, VALUE), {ENERGY: VALUE}, []),
    "SET of high priority": (apdu.SetRequestNormal(0x8F, ENERGY, VALUE), {ENERGY: VALUE}, []),
    "SET with list": (
        apdu.SetRequestWithList(0x02, (ENERGY, CLOCK), (VALUE, OTHER)),
        {ENERGY: VALUE, CLOCK: OTHER},
        [],
    ),
    "ACTION": (apdu.ActionRequestNormal(0x03, SCRIPT, VALUE), {}, [(SCRIPT, VALUE)]),
    "ACTION without parameters": (
        apdu.ActionRequestNormal(0x03, SCRIPT, None),
        {},
        [(SCRIPT, None)],
    ),
    "ACTION with list": (
        apdu.ActionRequestWithList(0x04, (SCRIPT, SCRIPT), (VALUE, VALUE)),
        {},
        [(SCRIPT, VALUE)] * 2,
    ),
    "ACCESS": (
        apdu.AccessRequestApdu(
            0x00000005, b"", (AccessSet(ENERGY, VALUE), AccessAction(SCRIPT), AccessGet(CLOCK))
        ),
        {ENERGY: VALUE},
        [(SCRIPT, None)],
    ),
}


def opened(sides: str) -> Pair:
    pair = Pair(*SIDES[sides])
    pair.associate()
    return pair


def sealed(pair: Pair, sides: str, request: apdu.Apdu) -> bytes:
    """As our client would write it, were it to ask so."""
    security = int(BOTH) if sides == "ciphered" else 0
    alone = isinstance(request, apdu.AccessRequestApdu)  # has no ciphered tag of its own
    return pair.client._pack(request, Protected(security, general=alone and security > 0))


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize(("request_", "written", "called"), CARRIED_OUT.values(), ids=CARRIED_OUT)
def test_it_is_done_and_nothing_is_said(
    request_: apdu.Apdu, written: dict[Any, Any], called: list[Any], sides: str
) -> None:
    pair = opened(sides)
    pair.server.receive_data(sealed(pair, sides, request_), now=0.0)
    assert list(said(pair.server)) == []
    (event,) = [event for event in told(pair.server) if pair.objects.answer(event) is not None]
    counter = pair.server.invocation_counter
    assert pair.server.send(pair.objects.answer(event), now=0.0) is None
    assert pair.server.data_to_send() is None
    assert pair.server.invocation_counter == counter, "a counter was used for nothing"
    assert pair.objects.attributes == written
    assert pair.objects.called[: len(called)] == called
    assert pair.server.state is State.ASSOCIATED
    # What comes next is answered as ever.
    pair.objects.attributes = {ENERGY: VALUE}
    assert pair.ask(GetRequest.of(ENERGY)) == [GetResponse.of(VALUE)]


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize(("request_", "written", "called"), CARRIED_OUT.values(), ids=CARRIED_OUT)
def test_nor_is_a_server_s_exception(
    request_: apdu.Apdu, written: dict[Any, Any], called: list[Any], sides: str
) -> None:
    pair = opened(sides)
    pair.server.receive_data(sealed(pair, sides, request_), now=0.0)
    refusal = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.OTHER_REASON)
    assert pair.server.send(refusal, now=0.0) is None
    assert pair.server.state is State.ASSOCIATED


REFUSED = {
    "a list that was not agreed on": (
        apdu.SetRequestWithList(0x02, (ENERGY, CLOCK), (VALUE, OTHER)),
        CONFORMANCE & ~Conformance.MULTIPLE_REFERENCES,
        Violation.NOT_NEGOTIATED,
    ),
    "a service that was not": (
        apdu.ActionRequestNormal(0x03, SCRIPT, None),
        Conformance.GET,
        Violation.NOT_NEGOTIATED,
    ),
    "values that are too few": (
        apdu.SetRequestWithList(0x02, (ENERGY, CLOCK), (VALUE,)),
        CONFORMANCE,
        Violation.MALFORMED,
    ),
}


@pytest.mark.parametrize(("request_", "conformance", "violation"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_told_to_the_server_alone(
    request_: apdu.Apdu, conformance: Conformance, violation: Violation
) -> None:
    pair = Pair(ClientSettings(conformance=conformance), ServerSettings(conformance=conformance))
    pair.associate()
    assert pair.serve(apdu.encode(request_)) == []
    assert [e.violation for e in pair.server_events if isinstance(e, ProtocolViolation)] == [
        violation
    ]


def test_before_the_proof_of_hls_nothing_is_done_nor_said_but_the_proof_is_answered() -> None:
    """It opens the association, which an answer must say."""
    sides = (gmac_client(security=Security.NONE), gmac_server(security=Security.NONE))
    pair = Pair(*sides)
    pair.down = lambda wire: [_without_class(wire) if wire[:1] == b"\xc3" else wire]
    pair.associate()
    assert pair.server.state is State.ASSOCIATED


def _without_class(wire: bytes) -> bytes:
    return wire[:2] + bytes((wire[2] & ~0x40,)) + wire[3:]


def test_a_get_is_confirmed_whatever_its_bit_says() -> None:
    pair = opened("plain")
    pair.objects.attributes = {ENERGY: VALUE}
    answers = pair.serve(apdu.encode(apdu.GetRequestNormal(0x05, ENERGY)))
    assert answers == [apdu.encode(apdu.GetResponseNormal(0x05, VALUE))]


def test_what_comes_in_blocks_is_acknowledged_and_answered() -> None:
    """Without the acknowledgement no client can go on."""
    pair = opened("plain")
    raw = b"\x09\x0c" + bytes(12)
    first = apdu.SetRequestFirstBlock(0x01, CLOCK, DataBlock(False, 1, raw[:5]))
    assert pair.serve(apdu.encode(first)) == [apdu.encode(apdu.SetResponseBlock(0x01, 1))]
    last = apdu.SetRequestBlock(0x01, DataBlock(True, 2, raw[5:]))
    done = apdu.SetResponseLastBlock(0x01, DataAccessResult.SUCCESS, 2)
    assert pair.serve(apdu.encode(last)) == [apdu.encode(done)]
    assert pair.objects.attributes == {CLOCK: OTHER}


def test_in_general_blocks_without_a_window_nothing_is_acknowledged() -> None:
    conformance = CONFORMANCE | Conformance.GENERAL_BLOCK_TRANSFER
    pair = Pair(ClientSettings(conformance=conformance), ServerSettings(conformance=conformance))
    pair.associate()
    request = apdu.encode(apdu.SetRequestNormal(0x01, CLOCK, OTHER))
    for block in unconfirmed(request, 7):
        assert pair.serve(block.encode()) == []
    assert pair.objects.attributes == {CLOCK: OTHER}


@pytest.mark.skipif(find_spec("gurux_dlms") is None, reason="gurux-dlms is not installed")
@pytest.mark.parametrize("authentication", [engines.NONE, engines.GMAC], ids=["plain", "ciphered"])
@pytest.mark.parametrize(
    "request_",
    [SetRequest.of(ENERGY, VALUE), ActionRequest.of(SCRIPT, VALUE)],
    ids=["SET", "ACTION"],
)
def test_gurux_dlms_asks_so(authentication: Any, request_: SetRequest | ActionRequest) -> None:
    from protocols.dlms.gurux import GuruxConnection

    server = ServerConnection(engines.server_settings(authentication))
    client = GuruxConnection(engines.client_settings(authentication))
    wire: bytes | None = client.send(AssociationRequest(), now=0.0)
    while wire is not None:
        server.receive_data(wire, now=0.0)
        for back in said(server):
            client.receive_data(back, now=0.0)
        wire = client.data_to_send()
    list(told(server))
    library = client._library
    library._client.settings.serviceClass = library._names.enums.ServiceClass.UN_CONFIRMED
    server.receive_data(client.send(request_, now=0.0), now=0.0)
    assert server.next_event() == request_
    objects = Pair(ClientSettings(), ServerSettings()).objects
    assert server.send(objects.answer(request_), now=0.0) is None
    assert server.data_to_send() is None and server.next_event() is NEED_DATA
