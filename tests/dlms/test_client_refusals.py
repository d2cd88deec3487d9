"""What a client refuses: forged, replayed, late, out of turn."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from protocols.dlms import acse, apdu
from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    AssociationResult,
    DataAccessResult,
    Security,
)
from protocols.dlms.events import (
    Associated,
    AssociationRefused,
    ProtocolViolation,
    TimedOut,
    Violation,
)
from protocols.dlms.security import Keys
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import (
    AssociationRequest,
    GetResponse,
)
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.state import State
from protocols.dlms.values import DoubleLongUnsigned
from tests.dlms.pair import (
    ENERGY,
    KEYS,
    Pair,
    gmac_client,
    gmac_server,
    said,
    told,
)
from tests.dlms.refusing import (
    READ,
    VALUE,
    associated,
    violations,
)


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
