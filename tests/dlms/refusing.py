"""What tests of refusals share: an open association, and what was refused in it."""

from __future__ import annotations

from typing import Any

from protocols.dlms.apdu import decode
from protocols.dlms.codes import (
    AssociationResult,
    StateError,
)
from protocols.dlms.events import (
    Associated,
    ProtocolViolation,
    Violation,
)
from protocols.dlms.services import (
    ExceptionResponse,
    GetRequest,
)
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.values import DoubleLongUnsigned
from tests.dlms.pair import (
    ENERGY,
    Pair,
    gmac_client,
    gmac_server,
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


def refused_by_server(pair: Pair, wire: bytes) -> tuple[Violation, ExceptionResponse]:
    (reply,) = pair.serve(wire)
    exception = decode(reply)
    assert isinstance(exception, ExceptionResponse)
    (violation,) = violations(pair.server_events)
    return violation, exception
