"""What connections refuse: forged, replayed, late, out of turn; and what they may not do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.dlms import acse, apdu
from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import (
    AcseProviderDiagnostic,
    AcseUserDiagnostic,
    ActionResult,
    ApduTag,
    AssociationResult,
    AuthenticationMechanism,
    Conformance,
    DataAccessResult,
    InitiateError,
    Security,
    ServiceError,
    StateError,
)
from protocols.dlms.connection import Protected
from protocols.dlms.events import (
    NEED_DATA,
    Associated,
    AssociationRefused,
    ProtocolViolation,
    Released,
    TimedOut,
    Violation,
)
from protocols.dlms.forms import unconfirmed
from protocols.dlms.security import COUNTER_MAX, Keys
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import (
    ActionRequest,
    AssociationRequest,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    MethodReturn,
    ReleaseRequest,
    SelectiveAccess,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.state import State
from protocols.dlms.values import DoubleLongUnsigned, LongUnsigned, OctetString
from protocols.errors import LocalProtocolError, ProtocolError
from tests.dlms import strategies
from tests.dlms.pair import (
    BOTH,
    CLOCK,
    ENERGY,
    GMAC,
    KEYS,
    SCRIPT,
    Pair,
    gmac_client,
    gmac_server,
    said,
    told,
)

READ = GetRequest.of(ENERGY)
VALUE = DoubleLongUnsigned(1517)
PERMANENT = AssociationResult.REJECTED_PERMANENT
NOT_ALLOWED = StateError.SERVICE_NOT_ALLOWED


def associated(client: ClientSettings | None = None, server: ServerSettings | None = None) -> Pair:
    pair = Pair(client or gmac_client(), server or gmac_server())
    pair.objects.attributes = {ENERGY: VALUE}
    assert isinstance(pair.associate()[-1], Associated)
    pair.server_events.clear()
    return pair


def violations(events: list[Any]) -> list[Violation]:
    return [event.violation for event in events if isinstance(event, ProtocolViolation)]


# --- the client refuses --------------------------------------------------------------------------


def test_each_bit_of_a_ciphered_response_counts() -> None:
    pair = associated()
    (right,) = pair.serve(pair.client.send(READ, now=0))
    counter = pair.client.peer_invocation_counter
    for bit in range(8 * len(right)):
        forged = bytearray(right)
        forged[bit // 8] ^= 1 << bit % 8
        pair.client.receive_data(bytes(forged), now=0)
        (event,) = told(pair.client)
        assert isinstance(event, ProtocolViolation), bit
        assert pair.client.peer_invocation_counter == counter
    assert pair.client.next_deadline() is not None  # it still waits, and takes the right one
    pair.client.receive_data(right, now=0)
    assert list(told(pair.client)) == [GetResponse.of(VALUE)]


def test_replayed_response_is_refused() -> None:
    pair = associated()
    (first,) = pair.serve(pair.client.send(READ, now=0))
    pair.client.receive_data(first, now=0)
    assert list(told(pair.client)) == [GetResponse.of(VALUE)]
    for _ in range(16):  # until the invoke id is the same again
        pair.client.send(READ, now=0)
        pair.client.receive_data(first, now=0)
        assert violations(list(told(pair.client))) == [Violation.REPLAYED]
        pair.client.handle_deadline(now=1e9)
        assert list(told(pair.client)) == [TimedOut(State.GETTING)]


RESPONSES: dict[str, tuple[bytes, Violation]] = {
    "another invoke id": (
        encode(apdu.GetResponseNormal(0x42, VALUE)),
        Violation.WRONG_INVOKE_ID,
    ),
    "another service": (
        encode(apdu.SetResponseNormal(0x41, DataAccessResult.SUCCESS)),
        Violation.UNEXPECTED,
    ),
    "a list for one": (
        encode(apdu.GetResponseWithList(0x41, (VALUE, VALUE))),
        Violation.UNEXPECTED,
    ),
    "a block that is not the first": (
        encode(apdu.GetResponseBlock(0x41, False, 2, b"\x06")),
        Violation.WRONG_BLOCK,
    ),
    "blocks that hold no value": (
        encode(apdu.GetResponseBlock(0x41, True, 1, b"\x06\x00")),
        Violation.MALFORMED,
    ),
    "no APDU": (b"\x00", Violation.MALFORMED),
    "nothing": (b"", Violation.MALFORMED),
    "trailing octets": (
        encode(apdu.GetResponseNormal(0x41, VALUE)) + b"\x00",
        Violation.MALFORMED,
    ),
    "a request": (encode(apdu.GetRequestNormal(0x41, ENERGY)), Violation.UNEXPECTED),
    "an AARE": (
        encode(acse.AARE(1, AssociationResult.ACCEPTED, AcseUserDiagnostic.NULL)),
        Violation.UNEXPECTED,
    ),
    "ciphered without keys": (bytes.fromhex("CC1230012345677E5F"), Violation.MALFORMED),
    "ciphered, no key": (
        bytes.fromhex("CC123001234567411312FF935A47566827C467BC"),
        Violation.UNEXPECTED,
    ),
}


@pytest.mark.parametrize(("wire", "violation"), RESPONSES.values(), ids=RESPONSES)
def test_response_that_is_none(wire: bytes, violation: Violation) -> None:
    pair = associated(ClientSettings(), ServerSettings())
    pair.client.send(READ, now=0)
    pair.client.receive_data(wire, now=0)
    assert violations(list(told(pair.client))) == [violation]
    pair.client.handle_deadline(now=29.9)
    assert list(told(pair.client)) == []
    pair.client.handle_deadline(now=30.0)
    assert list(told(pair.client)) == [TimedOut(State.GETTING)]
    assert pair.client.state is State.ASSOCIATED


@pytest.mark.parametrize("security", [Security.NONE, Security.AUTHENTICATED, Security.ENCRYPTED])
def test_response_with_less_protection_is_refused(security: Security) -> None:
    pair = associated()
    pair.serve(pair.client.send(READ, now=0))
    plain = encode(apdu.GetResponseNormal(0x41, DoubleLongUnsigned(0)))
    wire = pair.server._protection.seal(plain, security) if security else plain
    pair.client.receive_data(wire, now=0)
    assert violations(list(told(pair.client))) == [Violation.NOT_PROTECTED]


def test_late_answer_is_not_taken_for_another() -> None:
    pair = associated()
    (late,) = pair.serve(pair.client.send(READ, now=0))
    pair.client.handle_deadline(now=30)
    assert list(told(pair.client)) == [TimedOut(State.GETTING)]
    pair.client.receive_data(late, now=31)
    assert violations(list(told(pair.client))) == [Violation.UNEXPECTED]
    assert pair.ask(READ) == [GetResponse.of(VALUE)]


def test_endless_blocks_are_refused() -> None:
    pair = associated(ClientSettings(transfer_size_max=100), ServerSettings())
    pair.client.send(READ, now=0)
    for number in range(1, 4):
        block = encode(apdu.GetResponseBlock(0x41, False, number, bytes(50)))
        pair.client.receive_data(block, now=0)
    assert violations(list(told(pair.client))) == [Violation.TOO_LONG]


AARES: dict[str, acse.AARE] = {
    "server says no HLS": acse.AARE(
        1,
        AssociationResult.ACCEPTED,
        AcseUserDiagnostic.NULL,
        encode(apdu.InitiateResponse(CONFORMANCE, 500)),
        b"MTR00001",
    ),
    "challenge too short": acse.AARE(
        1,
        AssociationResult.ACCEPTED,
        AcseUserDiagnostic.AUTHENTICATION_REQUIRED,
        encode(apdu.InitiateResponse(CONFORMANCE, 500)),
        b"MTR00001",
        authentication_value=b"short",
    ),
    "our own challenge back": acse.AARE(
        1,
        AssociationResult.ACCEPTED,
        AcseUserDiagnostic.AUTHENTICATION_REQUIRED,
        encode(apdu.InitiateResponse(CONFORMANCE, 500)),
        b"MTR00001",
        authentication_value=b"CtoS0001",
    ),
}


@pytest.mark.parametrize("aare", AARES.values(), ids=AARES)
def test_server_that_does_not_authenticate_itself(aare: acse.AARE) -> None:
    pair = Pair(gmac_client(security=Security.NONE), gmac_server())
    pair.client.send(AssociationRequest(), now=0)
    pair.client.receive_data(encode(aare), now=0)
    (refused,) = told(pair.client)
    assert isinstance(refused, AssociationRefused) and refused.by_us
    assert pair.client.state is State.IDLE and list(said(pair.client)) == []


def test_server_with_another_key_cannot_prove_itself() -> None:
    keys = Keys(KEYS.encryption, bytes(16))
    pair = Pair(gmac_client(security=Security.NONE), gmac_server(security=Security.NONE))
    aarq = pair.client.send(AssociationRequest(), now=0)
    pair.client.receive_data(pair.serve(aarq)[0], now=0)
    (proof,) = said(pair.client)
    other = ServerConnection(gmac_server(security=Security.NONE, keys=keys))
    other.receive_data(aarq, now=0)
    list(said(other))
    other._protection.check_proof = lambda *a, **k: True  # type: ignore[method-assign]
    other.receive_data(proof, now=0)
    (answer,) = said(other)
    pair.client.receive_data(answer, now=0)
    (refused,) = told(pair.client)
    assert isinstance(refused, AssociationRefused) and refused.by_us
    assert pair.client.state is State.IDLE


def test_forged_title_does_not_keep_the_right_answer_out() -> None:
    pair = Pair(gmac_client(), gmac_server())
    (aare,) = pair.serve(pair.client.send(AssociationRequest(), now=0))
    forged = replace(decode(aare), responding_ap_title=b"FORGED01")
    pair.client.receive_data(encode(forged), now=0)
    assert violations(list(told(pair.client))) == [Violation.NOT_AUTHENTIC]
    assert pair.carry(list(said(pair.client))) == []
    pair.client.receive_data(aare, now=0)
    assert isinstance(pair.carry(list(said(pair.client)))[0], Associated)


# --- the server refuses --------------------------------------------------------------------------


def refused_by_server(pair: Pair, wire: bytes) -> tuple[Violation, ExceptionResponse]:
    (reply,) = pair.serve(wire)
    exception = decode(reply)
    assert isinstance(exception, ExceptionResponse)
    (violation,) = violations(pair.server_events)
    return violation, exception


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


PLAIN_AARQ = acse.AARQ(1, encode(apdu.InitiateRequest(CONFORMANCE, 500)))
LOW = AuthenticationMechanism.LOW
LOW_SERVER = ServerSettings(authentication=LOW, password=b"right")
AARQS: dict[str, tuple[acse.AARQ, ServerSettings, AcseUserDiagnostic, InitiateError | None]] = {
    "short names": (
        replace(PLAIN_AARQ, application_context=2),
        ServerSettings(),
        AcseUserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
        None,
    ),
    "plain where ciphering is due": (
        PLAIN_AARQ,
        gmac_server(),
        AcseUserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
        None,
    ),
    "ciphered where there are no keys": (
        replace(PLAIN_AARQ, application_context=3),
        ServerSettings(),
        AcseUserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
        None,
    ),
    "no mechanism": (
        PLAIN_AARQ,
        LOW_SERVER,
        AcseUserDiagnostic.AUTHENTICATION_MECHANISM_NAME_REQUIRED,
        None,
    ),
    "another mechanism": (
        replace(PLAIN_AARQ, mechanism=7, authentication_value=b"12345678"),
        LOW_SERVER,
        AcseUserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED,
        None,
    ),
    "wrong password": (
        replace(PLAIN_AARQ, mechanism=1, authentication_value=b"wrong"),
        LOW_SERVER,
        AcseUserDiagnostic.AUTHENTICATION_FAILURE,
        None,
    ),
    "no password": (
        replace(PLAIN_AARQ, mechanism=1),
        LOW_SERVER,
        AcseUserDiagnostic.AUTHENTICATION_FAILURE,
        None,
    ),
    "no title": (
        replace(PLAIN_AARQ, mechanism=5, authentication_value=b"12345678"),
        gmac_server(security=Security.NONE),
        AcseUserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED,
        None,
    ),
    "a title not known": (
        replace(PLAIN_AARQ, mechanism=5, calling_ap_title=b"UNKNOWN1"),
        gmac_server(security=Security.NONE, peer_system_title=b"AMI00001"),
        AcseUserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED,
        None,
    ),
    "challenge too short": (
        replace(
            PLAIN_AARQ, mechanism=5, calling_ap_title=b"AMI00001", authentication_value=b"1234567"
        ),
        gmac_server(security=Security.NONE),
        AcseUserDiagnostic.AUTHENTICATION_FAILURE,
        None,
    ),
    "plain initiate in the ciphered context": (
        replace(
            PLAIN_AARQ,
            application_context=3,
            mechanism=5,
            calling_ap_title=b"AMI00001",
            authentication_value=b"12345678",
        ),
        gmac_server(),
        AcseUserDiagnostic.NO_REASON_GIVEN,
        None,
    ),
    "no initiate": (
        replace(PLAIN_AARQ, user_information=None),
        ServerSettings(),
        AcseUserDiagnostic.NO_REASON_GIVEN,
        None,
    ),
    "old version": (
        replace(
            PLAIN_AARQ,
            user_information=encode(apdu.InitiateRequest(CONFORMANCE, 500, dlms_version=5)),
        ),
        ServerSettings(),
        AcseUserDiagnostic.NO_REASON_GIVEN,
        InitiateError.DLMS_VERSION_TOO_LOW,
    ),
    "nothing in common": (
        replace(PLAIN_AARQ, user_information=encode(apdu.InitiateRequest(Conformance.READ, 500))),
        ServerSettings(),
        AcseUserDiagnostic.NO_REASON_GIVEN,
        InitiateError.INCOMPATIBLE_CONFORMANCE,
    ),
    "PDU size too short": (
        replace(PLAIN_AARQ, user_information=encode(apdu.InitiateRequest(CONFORMANCE, 11))),
        ServerSettings(),
        AcseUserDiagnostic.NO_REASON_GIVEN,
        InitiateError.PDU_SIZE_TOO_SHORT,
    ),
}


@pytest.mark.parametrize(("aarq", "server", "diagnostic", "error"), AARQS.values(), ids=AARQS)
def test_association_that_is_refused(
    aarq: acse.AARQ,
    server: ServerSettings,
    diagnostic: AcseUserDiagnostic,
    error: InitiateError | None,
) -> None:
    pair = Pair(ClientSettings(), server)
    pair.client.send(AssociationRequest(), now=0)
    assert pair.carry([encode(aarq)]) == [AssociationRefused(PERMANENT, diagnostic, error)]
    assert pair.server_events == [AssociationRefused(PERMANENT, diagnostic, error)]
    assert pair.client.state is pair.server.state is State.IDLE


WRONG_CLIENTS: dict[str, tuple[ClientSettings, ServerSettings, Violation | None]] = {
    "another encryption key": (
        gmac_client(keys=Keys(bytes(16), KEYS.authentication)),
        gmac_server(),
        Violation.NOT_AUTHENTIC,
    ),
    "another authentication key": (
        gmac_client(keys=Keys(KEYS.encryption, bytes(16))),
        gmac_server(),
        Violation.NOT_AUTHENTIC,
    ),
    "another key, in the clear": (
        gmac_client(keys=Keys(bytes(16), bytes(16)), security=Security.NONE),
        gmac_server(security=Security.NONE),
        None,
    ),
    "a counter that did not grow, in the clear": (
        gmac_client(invocation_counter=99, security=Security.NONE),
        gmac_server(security=Security.NONE),
        None,
    ),
}


@pytest.mark.parametrize(
    ("client", "server", "violation"), WRONG_CLIENTS.values(), ids=WRONG_CLIENTS
)
def test_client_that_is_not_who_it_says(
    client: ClientSettings, server: ServerSettings, violation: Violation | None
) -> None:
    pair = Pair(client, server)
    failed = AssociationRefused(PERMANENT, AcseUserDiagnostic.AUTHENTICATION_FAILURE)
    assert pair.associate() == [failed]
    assert pair.server_events[-1] == failed
    assert violations(pair.server_events) == ([violation] if violation else [])
    assert pair.server.state is State.IDLE
    assert pair.server.peer_invocation_counter == 100


def test_client_with_a_counter_that_did_not_grow_is_told_which_is_due() -> None:
    pair = Pair(gmac_client(invocation_counter=99), gmac_server())
    due = ExceptionResponse(NOT_ALLOWED, ServiceError.INVOCATION_COUNTER_ERROR, 100)
    assert pair.associate() == [due]
    assert violations(pair.server_events) == [Violation.REPLAYED]
    assert pair.client.state is pair.server.state is State.IDLE
    again = Pair(gmac_client(invocation_counter=100), gmac_server())
    again.server = pair.server
    assert isinstance(again.associate()[0], Associated)


def test_recorded_association_cannot_be_played_again() -> None:
    pair = Pair(gmac_client(), gmac_server())
    recorded: list[bytes] = []
    pair.down = lambda wire: [recorded.append(wire) or wire]  # type: ignore[func-returns-value]
    pair.objects.attributes = {ENERGY: VALUE}
    pair.associate()
    pair.ask(READ)
    pair.ask(ReleaseRequest())
    pair.server_events.clear()
    for wire in recorded:
        pair.serve(wire)
    assert Associated not in map(type, pair.server_events)
    assert GetRequest not in map(type, pair.server_events)


def test_recorded_association_in_the_clear_meets_another_challenge() -> None:
    pair = Pair(gmac_client(security=Security.NONE), gmac_server(security=Security.NONE))
    recorded: list[bytes] = []
    pair.down = lambda wire: [recorded.append(wire) or wire]  # type: ignore[func-returns-value]
    pair.associate()
    pair.ask(ReleaseRequest())
    pair.server_events.clear()
    for wire in recorded[:2]:
        pair.serve(wire)
    assert pair.server_events == [
        AssociationRefused(PERMANENT, AcseUserDiagnostic.AUTHENTICATION_FAILURE)
    ]


def test_made_up_counter_cannot_lock_a_client_out() -> None:
    """Encrypted without authentication, anyone could name the highest counter there is."""
    for server in (gmac_server(), gmac_server(security=Security.NONE)):
        pair = Pair(gmac_client(), server)
        header = bytes((ApduTag.GLO_INITIATE_REQUEST, 25, Security.ENCRYPTED))
        initiate = header + COUNTER_MAX.to_bytes(4, "big") + bytes(20)
        aarq = acse.AARQ(3, initiate, b"AMI00001", 5, b"12345678", b"\x07\x80")
        pair.serve(encode(aarq))
        pair.serve(b"\xc8" + initiate[1:])
        assert pair.server.peer_invocation_counter == 100
        assert isinstance(pair.associate()[0], Associated)


def test_association_request_that_cannot_be_read() -> None:
    pair = Pair(ClientSettings(), ServerSettings())
    pair.client.send(AssociationRequest(), now=0)
    assert pair.carry([b"\x60\x01\x00"]) == [
        AssociationRefused(PERMANENT, AcseProviderDiagnostic.NO_REASON_GIVEN)
    ]


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


# --- time ----------------------------------------------------------------------------------------


def test_client_that_waits_for_an_association() -> None:
    pair = Pair(gmac_client(response_timeout_s=7.0), gmac_server())
    wire = pair.client.send(AssociationRequest(), now=100.0)
    assert pair.client.next_deadline() == 107.0
    (aare,) = pair.serve(wire)
    pair.client.receive_data(aare, now=105.0)
    assert pair.client.next_deadline() == 112.0  # the proof left
    pair.client.handle_deadline(now=111.9)
    assert pair.client.next_event() is NEED_DATA
    pair.client.handle_deadline(now=112.0)
    assert pair.client.next_event() == TimedOut(State.PROVING)
    assert pair.client.state is State.IDLE and pair.client.next_deadline() is None


def test_deadline_moves_with_each_block() -> None:
    pair = associated(ClientSettings(max_pdu_size=60, response_timeout_s=5.0), ServerSettings())
    pair.objects.attributes[ENERGY] = OctetString(bytes(150))
    up, now = pair.serve(pair.client.send(READ, now=0.0)), 0.0
    while pair.client.state is not State.ASSOCIATED:
        now += 4.0
        pair.client.receive_data(up[0], now=now)
        down = list(said(pair.client))
        if down:
            assert pair.client.next_deadline() == now + 5.0
            up = pair.serve(down[0])
    assert now > 8.0
    assert list(told(pair.client)) == [GetResponse.of(OctetString(bytes(150)))]


def test_client_that_gave_up_between_blocks_asks_anew() -> None:
    pair = associated(ClientSettings(max_pdu_size=100), ServerSettings(max_pdu_size=100))
    long = OctetString(bytes(500))
    pair.objects.attributes[CLOCK] = pair.objects.returned = long
    for request in (
        GetRequest.of(CLOCK),
        SetRequest.of(CLOCK, long),
        ActionRequest.of(SCRIPT, long),
        ActionRequest.of(SCRIPT),
    ):
        pair.serve(pair.client.send(request, now=0))
        pair.client.handle_deadline(now=1e9)
        assert isinstance(list(told(pair.client))[0], TimedOut)
        assert pair.server.state not in (State.IDLE, State.ASSOCIATED)
        assert pair.ask(READ) == [GetResponse.of(VALUE)]
    pair.serve(pair.client.send(GetRequest.of(CLOCK), now=0))
    pair.client.handle_deadline(now=1e9)
    list(told(pair.client))
    assert pair.ask(ReleaseRequest()) == [Released()]


def test_server_ends_an_association_that_fell_silent() -> None:
    pair = associated(gmac_client(), gmac_server(inactivity_timeout_s=60.0))
    assert pair.server.next_deadline() == 60.0
    pair.serve(pair.client.send(READ, now=50.0), now=50.0)
    assert pair.server.next_deadline() == 110.0
    pair.server.handle_deadline(now=110.0)
    assert list(told(pair.server)) == [TimedOut(State.ASSOCIATED)]
    assert pair.server.state is State.IDLE and pair.server.next_deadline() is None


# --- what a caller may not do --------------------------------------------------------------------

TWO = GetRequest.of(ENERGY, CLOCK)
SELECTED = GetRequest.of(replace(ENERGY, selection=SelectiveAccess(1, VALUE)))
LOCAL: dict[str, tuple[Callable[[], Any], str]] = {
    "ask before associating": (
        lambda: Pair(ClientSettings(), ServerSettings()).client.send(READ, now=0),
        "GetRequest while no association",
    ),
    "release before associating": (
        lambda: Pair(ClientSettings(), ServerSettings()).client.send(ReleaseRequest(), now=0),
        "RLRQ is not allowed: no association",
    ),
    "ask twice at once": (
        lambda: [(pair := associated()).client.send(READ, now=0), pair.client.send(READ, now=0)],
        "GetRequest while GET asked",
    ),
    "associate twice with one challenge": (
        lambda: [(pair := associated()).ask(ReleaseRequest()), pair.associate()],
        "one client connection is one association",
    ),
    "a list where none was agreed on": (
        lambda: associated(
            ClientSettings(conformance=Conformance.GET), ServerSettings()
        ).client.send(TWO, now=0),
        "MULTIPLE_REFERENCES",
    ),
    "a selection where none was agreed on": (
        lambda: associated(
            ClientSettings(conformance=Conformance.GET), ServerSettings()
        ).client.send(SELECTED, now=0),
        "SELECTIVE_ACCESS",
    ),
    "longer than the server's PDU, without blocks": (
        lambda: associated(
            ClientSettings(conformance=Conformance.SET), ServerSettings(max_pdu_size=60)
        ).client.send(SetRequest.of(ENERGY, OctetString(bytes(60))), now=0),
        "longer than the server's 60 octets",
    ),
    "no block fits": (
        lambda: associated(ClientSettings(), ServerSettings(max_pdu_size=12)).client.send(
            SetRequest.of(ENERGY, OctetString(bytes(60))), now=0
        ),
        "hold no block",
    ),
    "counters used up": (
        lambda: Pair(gmac_client(invocation_counter=COUNTER_MAX + 1), gmac_server()).associate(),
        "used up",
    ),
    "answer that nobody asked for": (
        lambda: associated().server.send(GetResponse.of(VALUE), now=0),
        "GetResponse while associated",
    ),
}


@pytest.mark.parametrize(("act", "cause"), LOCAL.values(), ids=LOCAL)
def test_what_a_caller_may_not_do(act: Callable[[], Any], cause: str) -> None:
    with pytest.raises(LocalProtocolError, match=cause):
        act()


def test_refused_request_changes_nothing() -> None:
    pair = associated(gmac_client(conformance=Conformance.GET))
    counter = pair.client.invocation_counter
    with pytest.raises(LocalProtocolError):
        pair.client.send(TWO, now=0)
    assert pair.client.invocation_counter == counter
    assert pair.ask(READ) == [GetResponse.of(VALUE)]


def test_answers_that_do_not_match_the_request() -> None:
    pair = associated()
    pair.server.receive_data(pair.client.send(READ, now=0), now=0)
    for wrong in (GetResponse(()), GetResponse.of(VALUE, VALUE), SetResponse.of()):
        with pytest.raises(LocalProtocolError):
            pair.server.send(wrong, now=0)
    assert decode(pair.server.send(GetResponse.of(VALUE), now=0)).tag == ApduTag.GLO_GET_RESPONSE
    with pytest.raises(LocalProtocolError):
        pair.server.send(GetResponse.of(VALUE), now=0)


# --- meters as they are --------------------------------------------------------------------------


def test_release_answered_by_an_exception_is_a_release() -> None:
    pair = associated()
    exception = ExceptionResponse(NOT_ALLOWED, ServiceError.SERVICE_NOT_SUPPORTED)
    pair.up = lambda wire: [encode(exception)]
    assert pair.ask(ReleaseRequest()) == [Released(exception)]
    assert pair.client.state is State.IDLE


def test_server_that_answers_the_proof_with_the_dedicated_key() -> None:
    pair = Pair(gmac_client(dedicated_key=b"D" * 16), gmac_server())
    (aare,) = pair.serve(pair.client.send(AssociationRequest(), now=0))
    pair.client.receive_data(aare, now=0)
    (proof,) = said(pair.client)
    assert decode(proof).tag is ApduTag.GLO_ACTION_REQUEST
    pack = pair.server._pack
    pair.server._pack = lambda apdu: pack(apdu, Protected(BOTH, True))  # type: ignore[method-assign]
    (answer,) = pair.serve(proof)
    assert decode(answer).tag is ApduTag.DED_ACTION_RESPONSE
    pair.client.receive_data(answer, now=0)
    assert isinstance(list(told(pair.client))[0], Associated)


def test_one_error_may_answer_for_a_whole_list() -> None:
    pair = associated(ClientSettings(), ServerSettings())
    denied = DataAccessResult.READ_WRITE_DENIED
    pair.up = lambda wire: [encode(apdu.GetResponseNormal(0x41, denied))]
    assert pair.ask(GetRequest.of(ENERGY, CLOCK)) == [GetResponse.of(denied, denied)]


def test_returned_data_alone_in_the_blocks_of_an_action() -> None:
    pair = associated(ClientSettings(), ServerSettings())
    block = apdu.DataBlock(True, 1, bytes.fromhex("06000005ED"))
    pair.up = lambda wire: [encode(apdu.ActionResponseBlock(0x41, block))]
    (response,) = pair.ask(ActionRequest.of(SCRIPT))
    assert response.results[0].returned == VALUE


def test_exception_ends_an_association_under_way() -> None:
    pair = Pair(gmac_client(), gmac_server())
    exception = ExceptionResponse(NOT_ALLOWED, ServiceError.INVOCATION_COUNTER_ERROR, 4711)
    pair.up = lambda wire: [encode(exception)]
    assert pair.associate() == [exception]
    assert pair.client.state is State.IDLE


# --- anything at all -----------------------------------------------------------------------------

ANYTHING = st.lists(st.binary(max_size=60) | strategies.any_apdu.map(encode), max_size=8)


@given(ANYTHING, st.booleans(), st.sampled_from([None, READ, SetRequest.of(CLOCK, VALUE)]))
def test_client_is_told_and_never_raises(
    arriving: list[bytes], ciphered: bool, request: GetRequest | SetRequest | None
) -> None:
    pair = associated() if ciphered else associated(ClientSettings(), ServerSettings())
    if request is not None:
        pair.client.send(request, now=0)
    for wire in arriving:
        pair.client.receive_data(wire, now=0)
        list(said(pair.client))
    for event in told(pair.client):
        assert event is not None
    if request is not None and pair.client.next_deadline() is not None:
        pair.client.handle_deadline(now=1e9)
        assert any(isinstance(event, TimedOut) for event in told(pair.client))


@given(ANYTHING, st.booleans(), st.booleans())
def test_server_answers_once_and_never_raises(
    arriving: list[bytes], ciphered: bool, open_first: bool
) -> None:
    client, server = (
        (gmac_client(), gmac_server()) if ciphered else (ClientSettings(), ServerSettings())
    )
    pair = Pair(client, server)
    if open_first:
        pair.associate()
    for wire in arriving:
        assert len(pair.serve(wire)) in ((0, 1) if wants_no_answer(wire) else (1,))
    again = Pair(replace(client, invocation_counter=1000), server)
    again.server = pair.server
    assert isinstance(again.associate()[0], Associated)  # nothing locked it


def wants_no_answer(wire: bytes) -> bool:
    try:
        return unconfirmed(decode(wire))
    except ProtocolError:
        return False


def test_no_association_by_chance() -> None:
    """A plain GET never reaches the objects of a server that asks for GMAC."""
    assert GMAC is gmac_server().authentication and BOTH is gmac_server().security
    pair = Pair(ClientSettings(), gmac_server())
    pair.objects.attributes = {ENERGY: VALUE}
    assert isinstance(pair.associate()[0], AssociationRefused)
    pair.serve(encode(apdu.GetRequestNormal(0x41, AttributeDescriptor(3, ENERGY.instance, 2))))
    assert GetRequest not in map(type, pair.server_events)
