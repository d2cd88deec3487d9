"""The session with pydlms-client 0.1.0; run by its own interpreter."""

from __future__ import annotations

from typing import Any

import exchange
from pydlms import DlmsClient
from pydlms.association import AssociationSettings
from pydlms.link import ApduLink
from pydlms.security.context import SecurityContext
from pydlms.security.hls import Mechanism


class _Meter(ApduLink):
    """Its shape of a link."""

    _answer = b""

    def connect(self) -> None:
        """Nothing to connect: the meter is at the other end of stdin and stdout."""

    disconnect = connect

    def send_apdu(self, apdu: bytes) -> None:
        self._answer = exchange.ask(apdu)

    def receive_apdu(self, timeout: float | None = None) -> bytes:
        return self._answer


def session(task: dict[str, Any], counter: int) -> list[Any]:
    context = SecurityContext(
        client_system_title=task["system_title"],
        encryption_key=task["encryption_key"],
        authentication_key=task["authentication_key"],
        invocation_counter=counter,
    )
    settings = AssociationSettings(mechanism=Mechanism.HLS_GMAC, security=context)
    with DlmsClient(_Meter(), settings) as client:
        read = [client.get(name, class_id, 2) for class_id, name in task["attributes"]]
    *registers, clock = read
    return [*(each.value for each in registers), bytes(clock.value).hex()]


exchange.measure(session)
