"""Deadlines of both sides, and what comes after one that passed."""

from __future__ import annotations

from protocols.dlms.events import (
    NEED_DATA,
    Released,
    TimedOut,
)
from protocols.dlms.services import (
    ActionRequest,
    AssociationRequest,
    GetRequest,
    GetResponse,
    ReleaseRequest,
    SetRequest,
)
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.state import State
from protocols.dlms.values import OctetString
from tests.dlms.pair import (
    CLOCK,
    ENERGY,
    SCRIPT,
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
