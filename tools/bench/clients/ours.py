"""The session with the engine that ami-headend is built on."""

from __future__ import annotations

from typing import Any

from exchange import ask, measure

from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.events import NEED_DATA
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.security import Keys
from protocols.dlms.services import (
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    ReleaseRequest,
)
from protocols.dlms.settings import ClientSettings


def session(task: dict[str, Any], counter: int) -> list[Any]:
    client = ClientConnection(
        ClientSettings(
            authentication=AuthenticationMechanism.HIGH_GMAC,
            security=Security.AUTHENTICATED_ENCRYPTED,
            keys=Keys(task["encryption_key"], task["authentication_key"]),
            system_title=task["system_title"],
            invocation_counter=counter,
            challenge=b"challeng%08d" % counter,
        )
    )

    def exchange(message: Any) -> Any:
        client.receive_data(ask(client.send(message, now=0.0)), now=0.0)
        while (event := client.next_event()) is NEED_DATA:
            apdu = client.data_to_send()
            assert apdu is not None
            client.receive_data(ask(apdu), now=0.0)
        return event

    exchange(AssociationRequest())
    read = [
        exchange(GetRequest.of(AttributeDescriptor(class_id, LogicalName(name), 2))).results[0]
        for class_id, name in task["attributes"]
    ]
    exchange(ReleaseRequest())
    *registers, clock = read
    return [*map(int, registers), bytes(clock).hex()]


measure(session)
