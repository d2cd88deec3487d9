"""What a caller may not do: LocalProtocolError, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from protocols.dlms.apdu import decode
from protocols.dlms.codes import (
    ApduTag,
    Conformance,
)
from protocols.dlms.security import COUNTER_MAX
from protocols.dlms.services import (
    GetRequest,
    GetResponse,
    ReleaseRequest,
    SelectiveAccess,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.values import OctetString
from protocols.errors import LocalProtocolError
from tests.dlms.pair import (
    CLOCK,
    ENERGY,
    Pair,
    gmac_client,
    gmac_server,
)
from tests.dlms.refusing import (
    READ,
    VALUE,
    associated,
)

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
