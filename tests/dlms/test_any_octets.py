"""Whatever arrives: told, answered once, and never raised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.dlms import apdu
from protocols.dlms.apdu import decode, encode
from protocols.dlms.events import (
    Associated,
    AssociationRefused,
    TimedOut,
)
from protocols.dlms.forms import unconfirmed
from protocols.dlms.services import (
    AttributeDescriptor,
    GetRequest,
    SetRequest,
)
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.errors import ProtocolError
from tests.dlms import strategies
from tests.dlms.pair import (
    BOTH,
    CLOCK,
    ENERGY,
    GMAC,
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
)

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
