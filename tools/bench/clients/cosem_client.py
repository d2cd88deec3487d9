"""The session with dlms-cosem 21.3.2; run by its own interpreter."""

from __future__ import annotations

from typing import Any

import exchange
from dlms_cosem import cosem, enumerations, utils
from dlms_cosem.clients.dlms_client import DlmsClient


class _Meter:
    """Its shape of a transport."""

    client_logical_address = server_logical_address = 1
    timeout = 10

    def connect(self) -> None:
        """Nothing to connect: the meter is at the other end of stdin and stdout."""

    disconnect = connect

    def send(self, apdu: bytes) -> bytes:
        return exchange.ask(apdu)


def session(task: dict[str, Any], counter: int) -> list[Any]:
    client = DlmsClient(
        client_logical_address=1,
        server_logical_address=1,
        io_interface=_Meter(),
        authentication_method=enumerations.AuthenticationMechanism.HLS_GMAC,
        encryption_key=task["encryption_key"],
        authentication_key=task["authentication_key"],
        client_system_title=task["system_title"],
        client_initial_invocation_counter=counter,
    )
    read: list[Any] = []
    with client.session():
        for class_id, name in task["attributes"]:
            attribute = cosem.CosemAttribute(
                enumerations.CosemInterface(class_id), cosem.Obis.from_string(name), 2
            )
            read.append(utils.parse_as_dlms_data(client.get(attribute)))
    *registers, clock = read
    return [*registers, bytes(clock).hex()]


exchange.measure(session)
