"""What a server refuses in an association, and what it answers then."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from protocols.dlms import acse, apdu
from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import (
    ActionResult,
    Conformance,
    DataAccessResult,
    Security,
    ServiceError,
    StateError,
)
from protocols.dlms.events import (
    Violation,
)
from protocols.dlms.services import (
    AssociationRequest,
    ExceptionResponse,
    MethodReturn,
    SelectiveAccess,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.state import State
from protocols.dlms.values import LongUnsigned, OctetString
from tests.dlms.pair import (
    CLOCK,
    ENERGY,
    SCRIPT,
    Pair,
    gmac_client,
    gmac_server,
)
from tests.dlms.refusing import (
    NOT_ALLOWED,
    READ,
    VALUE,
    associated,
    refused_by_server,
)


def test_each_bit_of_a_ciphered_request_counts() -> None:
    pair = associated()
    right = pair.client.send(SetRequest.of(ENERGY, LongUnsigned(9)), now=0)
    counter = pair.server.peer_invocation_counter
    for bit in range(8 * len(right)):
        forged = bytearray(right)
        forged[bit // 8] ^= 1 << bit % 8
        pair.server_events.clear()
        refused_by_server(pair, bytes(forged))
        assert pair.server.peer_invocation_counter == counter
    assert pair.objects.attributes == {ENERGY: VALUE}
    assert pair.carry([right]) == [SetResponse.of(DataAccessResult.SUCCESS)]


def test_request_with_a_wrong_tag_gets_the_standards_answer() -> None:
    pair = associated()
    forged = bytearray(pair.client.send(READ, now=0))
    forged[-1] ^= 1
    assert refused_by_server(pair, bytes(forged)) == (
        Violation.NOT_AUTHENTIC,
        ExceptionResponse(NOT_ALLOWED, ServiceError.DECIPHERING_ERROR),
    )


def test_replayed_request_is_told_the_counter_due() -> None:
    pair = associated()
    wire = pair.client.send(READ, now=0)
    pair.serve(wire)
    pair.server_events.clear()
    assert refused_by_server(pair, wire) == (
        Violation.REPLAYED,
        ExceptionResponse(
            NOT_ALLOWED,
            ServiceError.INVOCATION_COUNTER_ERROR,
            pair.client.invocation_counter,
        ),
    )


REQUESTS: dict[str, tuple[bytes, Violation, ExceptionResponse]] = {
    "plain": (
        encode(apdu.GetRequestNormal(0x41, ENERGY)),
        Violation.NOT_PROTECTED,
        ExceptionResponse(NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE),
    ),
    "no APDU": (
        b"\xff\x00",
        Violation.MALFORMED,
        ExceptionResponse(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON),
    ),
    "a plain response": (
        encode(apdu.GetResponseNormal(0x41, VALUE)),
        Violation.NOT_PROTECTED,
        ExceptionResponse(NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE),
    ),
    "an exception": (
        encode(ExceptionResponse(NOT_ALLOWED, ServiceError.OTHER_REASON)),
        Violation.UNEXPECTED,
        ExceptionResponse(NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE),
    ),
}


@pytest.mark.parametrize(("wire", "violation", "answer"), REQUESTS.values(), ids=REQUESTS)
def test_request_that_is_none(wire: bytes, violation: Violation, answer: ExceptionResponse) -> None:
    pair = associated()
    assert refused_by_server(pair, wire) == (violation, answer)
    assert pair.server.state is State.ASSOCIATED


def test_request_outside_an_association() -> None:
    for server in (ServerSettings(), gmac_server()):
        for wire in (
            encode(apdu.GetRequestNormal(0x41, ENERGY)),
            bytes.fromhex("C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"),
            encode(acse.RLRQ()),
        ):
            pair = Pair(ClientSettings(), server)
            violation, exception = refused_by_server(pair, wire)
            assert violation is Violation.UNEXPECTED
            assert exception.service_error is ServiceError.OPERATION_NOT_POSSIBLE


def test_request_before_the_proof() -> None:
    pair = Pair(gmac_client(security=Security.NONE), gmac_server(security=Security.NONE))
    pair.serve(pair.client.send(AssociationRequest(), now=0))
    violation, _ = refused_by_server(pair, encode(apdu.GetRequestNormal(0x41, ENERGY)))
    assert violation is Violation.UNEXPECTED
    assert pair.server.state is State.CHALLENGED


def test_service_not_agreed_on() -> None:
    get_only = ServerSettings(conformance=Conformance.GET)
    for request in (
        apdu.SetRequestNormal(0x41, ENERGY, VALUE),
        apdu.ActionRequestNormal(0x41, SCRIPT, None),
        apdu.GetRequestWithList(0x41, (ENERGY, CLOCK)),
        apdu.GetRequestNormal(0x41, replace(ENERGY, selection=SelectiveAccess(1, VALUE))),
        apdu.SetRequestFirstBlock(0x41, ENERGY, apdu.DataBlock(False, 1, b"\x00")),
    ):
        pair = associated(ClientSettings(), get_only)
        violation, exception = refused_by_server(pair, encode(request))
        assert violation is Violation.NOT_NEGOTIATED
        assert exception.service_error is ServiceError.SERVICE_NOT_SUPPORTED


BLOCK = apdu.DataBlock(False, 1, b"\x09\x82\x01\x00")
FIRST = apdu.SetRequestFirstBlock(0x41, ENERGY, BLOCK)
BROKEN_TRANSFERS: dict[str, tuple[list[apdu.Apdu], apdu.Apdu]] = {
    "block skipped": (
        [FIRST, apdu.SetRequestBlock(0x41, apdu.DataBlock(False, 3, b""))],
        apdu.SetResponseLastBlock(0x41, DataAccessResult.DATA_BLOCK_NUMBER_INVALID, 3),
    ),
    "block after a skipped one": (
        [FIRST] + [apdu.SetRequestBlock(0x41, apdu.DataBlock(False, n, b"")) for n in (3, 2)],
        apdu.SetResponseNormal(0x41, DataAccessResult.NO_LONG_SET_IN_PROGRESS),
    ),
    "first block that is not the first": (
        [apdu.SetRequestFirstBlock(0x41, ENERGY, apdu.DataBlock(False, 2, b""))],
        apdu.SetResponseLastBlock(0x41, DataAccessResult.DATA_BLOCK_NUMBER_INVALID, 2),
    ),
    "ACTION block skipped": (
        [
            apdu.ActionRequestFirstBlock(0x41, SCRIPT, BLOCK),
            apdu.ActionRequestBlock(0x41, apdu.DataBlock(True, 3, b"")),
        ],
        apdu.ActionResponseNormal(0x41, MethodReturn(ActionResult.LONG_ACTION_ABORTED)),
    ),
    "block of another request": (
        [FIRST, apdu.SetRequestBlock(0x42, apdu.DataBlock(False, 2, b""))],
        ExceptionResponse(NOT_ALLOWED, ServiceError.OTHER_REASON),
    ),
    "blocks that hold no value": (
        [FIRST, apdu.SetRequestBlock(0x41, apdu.DataBlock(True, 2, b"\x00"))],
        ExceptionResponse(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON),
    ),
    "SET block from nowhere": (
        [apdu.SetRequestBlock(0x41, BLOCK)],
        apdu.SetResponseNormal(0x41, DataAccessResult.NO_LONG_SET_IN_PROGRESS),
    ),
    "GET next from nowhere": (
        [apdu.GetRequestNext(0x41, 1)],
        apdu.GetResponseBlock(0x41, True, 1, DataAccessResult.NO_LONG_GET_IN_PROGRESS),
    ),
    "GET next of a wrong number": (
        [apdu.GetRequestNormal(0x41, CLOCK), apdu.GetRequestNext(0x41, 2)],
        apdu.GetResponseBlock(0x41, True, 2, DataAccessResult.DATA_BLOCK_NUMBER_INVALID),
    ),
    "more than the server joins": (
        [FIRST]
        + [apdu.SetRequestBlock(0x41, apdu.DataBlock(False, n, bytes(90))) for n in range(2, 14)],
        ExceptionResponse(NOT_ALLOWED, ServiceError.PDU_TOO_LONG),
    ),
    "longer than the PDU size": (
        [apdu.SetRequestNormal(0x41, ENERGY, OctetString(bytes(200)))],
        ExceptionResponse(NOT_ALLOWED, ServiceError.PDU_TOO_LONG),
    ),
    "values too many": (
        [apdu.SetRequestWithList(0x41, (ENERGY,), (VALUE, VALUE))],
        ExceptionResponse(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON),
    ),
    "an empty list": (
        [apdu.GetRequestWithList(0x41, ())],
        ExceptionResponse(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON),
    ),
}


@pytest.mark.parametrize(("requests", "answer"), BROKEN_TRANSFERS.values(), ids=BROKEN_TRANSFERS)
def test_transfer_that_breaks(requests: list[apdu.Apdu], answer: apdu.Apdu) -> None:
    pair = associated(
        ClientSettings(max_pdu_size=120), ServerSettings(max_pdu_size=120, transfer_size_max=1000)
    )
    pair.objects.attributes[CLOCK] = OctetString(bytes(500))
    for request in requests:
        (reply,) = pair.serve(encode(request))
    assert decode(reply) == answer
    # Whatever broke, the client may begin anew.
    assert decode(pair.serve(encode(apdu.GetRequestNormal(0x43, ENERGY)))[0]) == (
        apdu.GetResponseNormal(0x43, VALUE)
    )
    assert pair.objects.attributes[ENERGY] == VALUE


def test_answer_that_fits_in_no_block() -> None:
    pair = associated(
        ClientSettings(max_pdu_size=60, conformance=Conformance.GET), ServerSettings()
    )
    pair.objects.attributes[ENERGY] = OctetString(bytes(500))
    assert pair.ask(READ) == [ExceptionResponse(NOT_ALLOWED, ServiceError.PDU_TOO_LONG)]
    assert pair.client.state is pair.server.state is State.ASSOCIATED
