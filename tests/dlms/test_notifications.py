"""What a server says unasked, confirmed and not; and errors in place of answers."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import (
    ConfirmedService,
    Conformance,
    InitiateError,
    ServiceError,
    ServiceErrorKind,
    StateError,
)
from protocols.dlms.events import AssociationRefused, ProtocolViolation, Violation
from protocols.dlms.general_block import GeneralBlock
from protocols.dlms.initiate import ConfirmedServiceError
from protocols.dlms.notification import (
    CONFIRMED,
    DataNotification,
    DataNotificationConfirm,
    EventNotification,
)
from protocols.dlms.services import (
    AssociationRequest,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ReleaseRequest,
)
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.state import State
from protocols.dlms.values import LongUnsigned, Structure
from tests.dlms.pair import ENERGY, Pair, gmac_client, gmac_server, said, told

PUSH = DataNotification(CONFIRMED | 7, b"", Structure((LongUnsigned(1),)))
AGREED: dict[str, Any] = {"conformance": CONFORMANCE | Conformance.DATA_NOTIFICATION}
SIDES = {
    "plain": (ClientSettings(**AGREED), ServerSettings(**AGREED)),
    "ciphered": (gmac_client(**AGREED), gmac_server(**AGREED)),
    "dedicated key": (gmac_client(dedicated_key=b"D" * 16, **AGREED), gmac_server(**AGREED)),
}
each_side = pytest.mark.parametrize(("client", "server"), SIDES.values(), ids=SIDES)


@each_side
def test_a_confirmed_push(client, server) -> None:
    pair = Pair(client, server)
    pair.associate()
    pair.objects.attributes = {ENERGY: LongUnsigned(1)}
    pair.client.receive_data(pair.server.send(PUSH, now=0), now=0)
    (push,) = told(pair.client)
    assert push == PUSH and push.confirmed
    confirm = DataNotificationConfirm(push.long_invoke_id_and_priority)
    pair.server_events.clear()
    assert pair.serve(pair.client.send(confirm, now=0)) == []
    assert pair.server_events == [confirm]
    assert pair.ask(GetRequest.of(ENERGY)) == [GetResponse.of(LongUnsigned(1))]


@each_side
def test_nothing_waits_to_be_confirmed(client, server) -> None:
    """An unconfirmed push, another number, and a second confirm."""
    pair = Pair(client, server)
    pair.associate()
    unconfirmed = DataNotification(8, b"", LongUnsigned(1))
    assert not unconfirmed.confirmed
    for push in (unconfirmed, PUSH):
        pair.server.send(push, now=0)
    pair.server_events.clear()
    for number in (8, 9, 7, 7):
        pair.serve(pair.client.send(DataNotificationConfirm(number), now=0))
    kinds = [getattr(event, "violation", None) for event in pair.server_events]
    assert kinds == [Violation.UNEXPECTED, Violation.UNEXPECTED, None, Violation.UNEXPECTED]


@each_side
def test_several_notifications_in_every_state_of_an_open_association(client, server) -> None:
    pair = Pair(client, server)
    pair.associate()
    event = EventNotification(None, ENERGY, LongUnsigned(2))
    for before in (None, GetRequest.of(ENERGY), ReleaseRequest()):
        if before is not None:
            pair.client.send(before, now=0)
        for notification in (event, PUSH, event):
            pair.client.receive_data(pair.server.send(notification, now=0), now=0)
        assert list(told(pair.client)) == [event, PUSH, event]
        if before is not None:
            pair.client.handle_deadline(now=1e9)
            list(told(pair.client))


@pytest.mark.parametrize("window", [0, 1, 20])
def test_a_listener_takes_blocks_of_any_window(window: int) -> None:
    """Nobody acknowledges outside an association, so a window there means nothing."""
    listener = Pair(ClientSettings(), ServerSettings()).client
    octets = encode(PUSH)
    for number, start in enumerate(range(0, len(octets), 5), start=1):
        last = start + 5 >= len(octets)
        block = GeneralBlock(last, not last, window, number, 0, octets[start : start + 5])
        listener.receive_data(block.encode(), now=0)
    assert list(told(listener)) == [PUSH] and list(said(listener)) == []


def test_a_server_takes_no_blocks_before_an_association() -> None:
    pair = Pair(ClientSettings(), ServerSettings())
    for window in (0, 1):
        (answer,) = pair.serve(GeneralBlock(True, False, window, 1, 0, b"x").encode())
        assert decode(answer).service_error is ServiceError.SERVICE_NOT_SUPPORTED


# --- confirmedServiceError ------------------------------------------------------------------------


def test_a_bare_initiate_error_refuses_the_association() -> None:
    pair = Pair(ClientSettings(), ServerSettings())
    pair.client.send(AssociationRequest(), now=0)
    error = ConfirmedServiceError(
        ConfirmedService.INITIATE_ERROR, ServiceErrorKind.INITIATE, InitiateError.PDU_SIZE_TOO_SHORT
    )
    pair.client.receive_data(error.encode(), now=0)
    (refused,) = told(pair.client)
    assert isinstance(refused, AssociationRefused)
    assert refused.initiate_error is InitiateError.PDU_SIZE_TOO_SHORT
    assert pair.client.state is State.IDLE


def test_a_service_error_ends_the_request_and_not_the_association() -> None:
    pair = Pair(ClientSettings(), ServerSettings())
    pair.associate()
    pair.client.send(GetRequest.of(ENERGY), now=0)
    error = ConfirmedServiceError(ConfirmedService.READ, ServiceErrorKind.ACCESS, 1)
    pair.client.receive_data(error.encode(), now=0)
    other = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.OTHER_REASON)
    assert list(told(pair.client)) == [other]
    assert pair.client.state is State.ASSOCIATED
    pair.client.receive_data(error.encode(), now=0)
    (violation,) = told(pair.client)
    assert isinstance(violation, ProtocolViolation)


def test_a_plain_service_error_does_not_end_a_ciphered_request() -> None:
    pair = Pair(gmac_client(), gmac_server())
    pair.associate()
    pair.client.send(GetRequest.of(ENERGY), now=0)
    error = ConfirmedServiceError(ConfirmedService.READ, ServiceErrorKind.ACCESS, 1)
    pair.client.receive_data(error.encode(), now=0)
    (violation,) = told(pair.client)
    assert violation.violation is Violation.NOT_PROTECTED
    assert pair.client.state is State.GETTING
