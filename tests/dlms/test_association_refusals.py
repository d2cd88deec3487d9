"""Associations that do not come about: who is refused, and with which diagnostic."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from protocols.dlms import acse, apdu
from protocols.dlms.apdu import encode
from protocols.dlms.codes import (
    AcseProviderDiagnostic,
    AcseUserDiagnostic,
    ApduTag,
    AuthenticationMechanism,
    Conformance,
    InitiateError,
    Security,
    ServiceError,
)
from protocols.dlms.events import (
    Associated,
    AssociationRefused,
    Violation,
)
from protocols.dlms.security import COUNTER_MAX, Keys
from protocols.dlms.services import (
    AssociationRequest,
    ExceptionResponse,
    GetRequest,
    ReleaseRequest,
)
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.state import State
from tests.dlms.pair import (
    ENERGY,
    KEYS,
    Pair,
    gmac_client,
    gmac_server,
)
from tests.dlms.refusing import (
    NOT_ALLOWED,
    PERMANENT,
    READ,
    VALUE,
    violations,
)

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
