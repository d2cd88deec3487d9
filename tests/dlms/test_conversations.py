"""Whole conversations: every protection, every service, long values through short PDUs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols import wrapper
from protocols.dlms.apdu import decode
from protocols.dlms.ciphered import Ciphered, GeneralCiphered
from protocols.dlms.codes import (
    ActionResult,
    AuthenticationMechanism,
    Conformance,
    DataAccessResult,
    Security,
)
from protocols.dlms.events import Associated, Released
from protocols.dlms.notification import DataNotification, EventNotification
from protocols.dlms.services import (
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    GetRequest,
    GetResponse,
    MethodReturn,
    ReleaseRequest,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.state import State
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    LongUnsigned,
    OctetString,
    Structure,
)
from tests.dlms import strategies
from tests.dlms.pair import (
    CLOCK,
    COUNTER,
    ENERGY,
    KEYS,
    SCRIPT,
    SERVER_TITLE,
    Pair,
    gmac_client,
    gmac_server,
)

LOW = AuthenticationMechanism.LOW
NONE = Security.NONE
PASSWORD = b"12345678"
ASSOCIATIONS = {
    "public": (ClientSettings(), ServerSettings()),
    "low": (
        ClientSettings(authentication=LOW, password=PASSWORD),
        ServerSettings(authentication=LOW, password=PASSWORD),
    ),
    "low, ciphered": (
        gmac_client(authentication=LOW, password=PASSWORD),
        gmac_server(authentication=LOW, password=PASSWORD),
    ),
    "gmac in the clear": (gmac_client(security=NONE), gmac_server(security=NONE)),
    "gmac, authenticated": (
        gmac_client(security=Security.AUTHENTICATED),
        gmac_server(security=Security.AUTHENTICATED),
    ),
    "gmac, encrypted": (
        gmac_client(security=Security.ENCRYPTED),
        gmac_server(security=Security.ENCRYPTED),
    ),
    "gmac, both": (gmac_client(), gmac_server()),
    "gmac, more than the server asks for": (gmac_client(), gmac_server(security=NONE)),
    "gmac, dedicated key": (gmac_client(dedicated_key=b"D" * 16), gmac_server()),
    "gmac, general": (gmac_client(general_ciphering=True), gmac_server()),
    "gmac, general, dedicated key": (
        gmac_client(general_ciphering=True, dedicated_key=b"D" * 16),
        gmac_server(),
    ),
    "gmac, plain release": (gmac_client(protected_release=False), gmac_server()),
    "gmac, titles known": (
        gmac_client(peer_system_title=SERVER_TITLE),
        gmac_server(peer_system_title=b"AMI00001"),
    ),
}
every_association = pytest.mark.parametrize(
    ("client", "server"), ASSOCIATIONS.values(), ids=ASSOCIATIONS
)

LONG = Array(
    Structure((OctetString(n.to_bytes(12, "big")), DoubleLongUnsigned(n))) for n in range(40)
)
PARAMETERS = Structure((OctetString(bytes(300)), LongUnsigned(7)))


def converse(pair: Pair) -> None:
    """Every service once, short and long, alone and with list; then release."""
    (associated,) = pair.associate()
    assert isinstance(associated, Associated)
    assert pair.server_events.pop() == replace(
        associated, peer_system_title=pair.server_events_title
    )
    pair.objects.attributes = {ENERGY: DoubleLongUnsigned(1517), CLOCK: LONG}
    pair.objects.returned = LONG
    undefined = DataAccessResult.OBJECT_UNDEFINED
    done, returned = DataAccessResult.SUCCESS, MethodReturn(ActionResult.SUCCESS, LONG)
    conversation = [
        (GetRequest.of(ENERGY), GetResponse.of(DoubleLongUnsigned(1517))),
        (GetRequest.of(COUNTER), GetResponse.of(undefined)),
        (GetRequest.of(CLOCK), GetResponse.of(LONG)),
        (
            GetRequest.of(CLOCK, COUNTER, ENERGY),
            GetResponse.of(LONG, undefined, DoubleLongUnsigned(1517)),
        ),
        (SetRequest.of(ENERGY, LongUnsigned(1)), SetResponse.of(done)),
        (SetRequest.of(ENERGY, LONG), SetResponse.of(done)),
        (SetRequest((CLOCK, COUNTER), (LongUnsigned(2), LONG)), SetResponse.of(done, done)),
        (ActionRequest.of(SCRIPT), ActionResponse((returned,))),
        (ActionRequest.of(SCRIPT, PARAMETERS), ActionResponse((returned,))),
        (
            ActionRequest((SCRIPT, SCRIPT), (None, PARAMETERS)),
            ActionResponse((returned, returned)),
        ),
    ]
    for request, response in conversation:
        assert pair.ask(request) == [response]
        assert pair.server_events.pop() == request
    assert pair.objects.attributes == {ENERGY: LONG, CLOCK: LongUnsigned(2), COUNTER: LONG}
    assert [parameters for _, parameters in pair.objects.called] == [
        None, PARAMETERS, None, PARAMETERS,
    ]  # fmt: skip
    assert pair.ask(ReleaseRequest()) == [Released()]
    assert pair.server_events == [Released()]
    assert pair.client.state is pair.server.state is State.IDLE
    assert pair.client.next_deadline() is None


def make(client: ClientSettings, server: ServerSettings) -> Pair:
    pair = Pair(client, server)
    named = client.security or client.authentication is AuthenticationMechanism.HIGH_GMAC
    pair.server_events_title = client.system_title if named else b""  # type: ignore[attr-defined]
    return pair


@every_association
@pytest.mark.parametrize("pdu_size", [0, 0xFFFF, 512, 120, 80])
def test_conversation(client: ClientSettings, server: ServerSettings, pdu_size: int) -> None:
    pair = make(replace(client, max_pdu_size=pdu_size), replace(server, max_pdu_size=pdu_size))
    converse(pair)
    after = [exchanged for exchanged in pair.exchanged if exchanged.plain is not None]
    if pdu_size:
        assert all(len(exchanged.wire) <= pdu_size for exchanged in after)
    for exchanged in after:
        apdu = decode(exchanged.wire)
        assert isinstance(apdu, Ciphered | GeneralCiphered) is bool(client.security)


@every_association
@pytest.mark.parametrize("pdu_size", [0, 0xFFFF])
def test_no_apdu_is_longer_than_a_datagram(
    client: ClientSettings, server: ServerSettings, pdu_size: int
) -> None:
    pair = make(replace(client, max_pdu_size=pdu_size), replace(server, max_pdu_size=pdu_size))
    assert isinstance(pair.associate()[0], Associated)
    longest = OctetString(bytes(65_520))
    pair.objects.attributes[ENERGY] = longest
    assert pair.ask(GetRequest.of(ENERGY)) == [GetResponse.of(longest)]
    assert pair.ask(SetRequest.of(CLOCK, longest)) == [SetResponse.of(DataAccessResult.SUCCESS)]
    headers = 20 + 8 + 8  # IPv4, UDP, wrapper
    assert all(len(exchanged.wire) + headers <= 0xFFFF for exchanged in pair.exchanged)


ROOM = 1024
LONGER = OctetString(bytes(3 * ROOM))
WHOLE = Conformance.GET | Conformance.ACTION


@every_association
@pytest.mark.parametrize("pdu_size", [0, 0xFFFF])
def test_a_client_that_names_no_limit_gets_long_answers_in_blocks(
    client: ClientSettings, server: ServerSettings, pdu_size: int
) -> None:
    pair = make(replace(client, max_pdu_size=pdu_size), replace(server, unlimited_size=ROOM))
    assert isinstance(pair.associate()[0], Associated)
    pair.objects.attributes[ENERGY] = LONGER
    pair.exchanged.clear()
    assert pair.ask(GetRequest.of(ENERGY)) == [GetResponse.of(LONGER)]
    assert len(pair.exchanged) > 2
    assert all(len(exchanged.wire) <= ROOM for exchanged in pair.exchanged)


def test_a_client_that_names_a_limit_gets_as_much_at_once():
    pair = make(ClientSettings(max_pdu_size=8192), ServerSettings(unlimited_size=ROOM))
    pair.associate()
    pair.objects.attributes[ENERGY] = LONGER
    pair.exchanged.clear()
    assert pair.ask(GetRequest.of(ENERGY)) == [GetResponse.of(LONGER)]
    assert [len(exchanged.wire) > ROOM for exchanged in pair.exchanged] == [False, True]


def test_a_client_without_limit_and_blocks_gets_all_at_once():
    pair = make(ClientSettings(conformance=WHOLE), ServerSettings(unlimited_size=ROOM))
    pair.associate()
    pair.objects.attributes[ENERGY] = LONGER
    assert pair.ask(GetRequest.of(ENERGY)) == [GetResponse.of(LONGER)]


@pytest.mark.parametrize("size", [0, 8, 0x10000])
def test_so_many_octets_at_once_are_not_allowed(size: int) -> None:
    with pytest.raises(ValueError, match="at once"):
        ServerSettings(unlimited_size=size)


@every_association
def test_conversation_octet_by_octet_through_the_wrapper(
    client: ClientSettings, server: ServerSettings
) -> None:
    pair = make(replace(client, max_pdu_size=150), replace(server, max_pdu_size=150))
    directions = {"down": wrapper.Decoder(), "up": wrapper.Decoder()}

    def through(direction: str, wire: bytes) -> list[bytes]:
        stream = wrapper.encode(16, 1, wire)
        pieces = (stream[at : at + 1] for at in range(len(stream)))
        return [frame.apdu for piece in pieces for frame in directions[direction].feed(piece)]

    pair.down = lambda wire: through("down", wire)
    pair.up = lambda wire: through("up", wire)
    converse(pair)


@every_association
def test_no_counter_is_used_twice(client: ClientSettings, server: ServerSettings) -> None:
    """Neither by one side's ciphering nor by its proof; and both sides say what comes next."""
    pair = make(replace(client, max_pdu_size=100), replace(server, max_pdu_size=100))
    converse(pair)
    for sent, next_counter in (
        (True, pair.client.invocation_counter),
        (False, pair.server.invocation_counter),
    ):
        seen = []
        for exchanged in pair.exchanged:
            if exchanged.sent is sent:
                apdu = decode(exchanged.wire)
                information = getattr(apdu, "user_information", None)
                apdu = decode(information) if information else apdu
                if isinstance(apdu, Ciphered | GeneralCiphered):
                    seen.append((apdu.invocation_counter, apdu.tag in range(0xD0, 0xD8)))
        assert len(set(seen)) == len(seen)
        assert all(counter < next_counter for counter, _ in seen)
    if client.security:
        assert pair.server.peer_invocation_counter <= pair.client.invocation_counter


def test_public_client_reads_the_counter_that_the_other_client_needs() -> None:
    meter = gmac_server(peer_invocation_counter=4711)
    public = Pair(ClientSettings(), ServerSettings())
    public.objects.attributes = {COUNTER: DoubleLongUnsigned(4711)}
    public.associate()
    (answer,) = public.ask(GetRequest.of(COUNTER))
    (counter,) = answer.results
    assert public.ask(ReleaseRequest()) == [Released()]
    pair = Pair(gmac_client(invocation_counter=int(counter)), meter)
    assert isinstance(pair.associate()[0], Associated)
    assert pair.client.invocation_counter == 4711 + 3  # AARQ, proof, and the APDU around it


def test_one_server_serves_one_client_after_another() -> None:
    first = Pair(gmac_client(), gmac_server())
    first.associate()
    first.ask(ReleaseRequest())
    second = Pair(
        gmac_client(invocation_counter=first.client.invocation_counter, challenge=b"CtoS0002"),
        gmac_server(),
    )
    second.server = first.server
    assert isinstance(second.associate()[0], Associated)


def test_client_that_lost_its_session_associates_anew() -> None:
    lost = Pair(gmac_client(), gmac_server())
    lost.associate()
    again = Pair(
        gmac_client(invocation_counter=lost.client.invocation_counter, challenge=b"CtoS0002"),
        gmac_server(),
    )
    again.server = lost.server
    assert isinstance(again.associate()[0], Associated)
    assert again.server_events[0] == Released()
    again.objects.attributes = {ENERGY: LongUnsigned(1)}
    assert again.ask(GetRequest.of(ENERGY)) == [GetResponse.of(LongUnsigned(1))]


def test_conformance_is_what_both_have() -> None:
    ours = Conformance.GET | Conformance.SET | Conformance.BLOCK_TRANSFER_WITH_GET
    theirs = Conformance.GET | Conformance.ACTION | Conformance.BLOCK_TRANSFER_WITH_GET
    pair = Pair(
        ClientSettings(conformance=ours, max_pdu_size=200),
        ServerSettings(conformance=theirs, max_pdu_size=300),
    )
    (associated,) = pair.associate()
    assert associated.negotiated.conformance == ours & theirs
    assert associated.negotiated.client_pdu_size == 200
    assert associated.negotiated.server_pdu_size == 300
    assert pair.server.negotiated == associated.negotiated


@settings(max_examples=40)
@given(strategies.value, st.integers(60, 300), st.booleans())
def test_any_value_arrives_through_any_pdu_size(value, size: int, ciphered: bool) -> None:
    client, server = (
        (gmac_client(), gmac_server()) if ciphered else (ClientSettings(), ServerSettings())
    )
    pair = Pair(replace(client, max_pdu_size=size), replace(server, max_pdu_size=size))
    pair.associate()
    assert pair.ask(SetRequest.of(ENERGY, value)) == [SetResponse.of(DataAccessResult.SUCCESS)]
    assert pair.objects.attributes[ENERGY] == value
    assert pair.ask(GetRequest.of(ENERGY)) == [GetResponse.of(value)]


def test_record_holds_plain_services_and_no_association_message() -> None:
    secret = b"PASSWORD-OF-TEST"
    pair = Pair(
        gmac_client(authentication=LOW, password=secret, dedicated_key=b"D" * 16),
        gmac_server(authentication=LOW, password=secret),
    )
    pair.objects.attributes = {ENERGY: DoubleLongUnsigned(1517)}
    pair.associate()
    pair.ask(GetRequest.of(ENERGY))
    aarq, aare, get, got = pair.exchanged
    assert (aarq.plain, aare.plain) == (None, None)
    assert (get.sent, get.plain) == (True, bytes.fromhex("C001410003 0100010800FF 0200"))
    assert (got.sent, got.plain) == (False, bytes.fromhex("C4014100 06000005ED"))
    assert KEYS.encryption not in got.wire and b"D" * 16 not in b"".join(
        exchanged.wire for exchanged in pair.exchanged
    )


def test_association_request_takes_the_green_books_octets() -> None:
    """Green Book 11 (AARQ of a low security association), in the same conformance and size."""
    client = ClientSettings(
        authentication=LOW,
        password=b"12345678",
        conformance=Conformance(0x7E1F),
        max_pdu_size=0x04B0,
    )
    assert Pair(client, ServerSettings()).client.send(AssociationRequest(), now=0) == bytes.fromhex(
        "6036A1090607608574050801018A0207808B0760857405080201"
        "AC0A80083132333435363738BE10040E01000000065F1F0400007E1F04B0"
    )


def test_general_ciphering_carries_notifications() -> None:
    agreed = CONFORMANCE | Conformance.DATA_NOTIFICATION
    pair = Pair(gmac_client(conformance=agreed), gmac_server(conformance=agreed))
    pair.associate()
    push = DataNotification(1, b"", LongUnsigned(7))
    event = EventNotification(None, ENERGY, LongUnsigned(8))
    for notification in (push, event):
        wire = pair.server.send(notification, now=0)
        assert isinstance(decode(wire), Ciphered | GeneralCiphered)
        pair.client.receive_data(wire, now=0)
        assert pair.client.next_event() == notification
    assert pair.client.state is State.ASSOCIATED
