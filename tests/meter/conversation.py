"""A client without a link: hands each APDU to a meter and takes the answers back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devices.meter.clients import Client
from devices.meter.device import Meter
from devices.meter.identity import SERVER_SAP, client_system_title
from protocols import wrapper
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import ActionResult, DataAccessResult, Security
from protocols.dlms.events import NEED_DATA, Event
from protocols.dlms.keys import KeyPairs
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    GetResult,
    MethodDescriptor,
    ReleaseRequest,
    SelectiveAccess,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import ClientSettings
from protocols.dlms.suite import KEY_SIZES
from protocols.dlms.values import Value

NOW = 1_783_332_450.0  # 2026-07-06 10:07:30 UTC
Receive = Callable[[bytes], list[bytes]]


def client_settings(
    meter: Meter, client: Client, *, counter: int = 1, lowest: int = 0, pdu_size: int = 0xFFFF
) -> ClientSettings:
    """What a client that knows the registry's keys brings."""
    ciphers, identity, suite = client.ciphers, meter.identity, client.suite
    return ClientSettings(
        authentication=client.mechanism,
        password=identity.password(client.sap),
        suite=suite,
        keys=identity.keys(client.sap, size=KEY_SIZES[suite]) if ciphers else None,
        pairs=identity.client_key_pairs(client.sap, suite) if suite else KeyPairs(),
        system_title=client_system_title(1, client.sap),
        security=Security.AUTHENTICATED_ENCRYPTED if ciphers else Security.NONE,
        invocation_counter=counter,
        peer_invocation_counter=lowest,
        max_pdu_size=pdu_size,
        challenge=b"CtoS, of the tests of the meters.",
    )


class Talk:
    """One client's association with one meter, at a time that stands still unless moved."""

    def __init__(
        self,
        meter: Meter,
        sap: int,
        *,
        now: float = NOW,
        receive: Receive | None = None,
        counter: int = 1,
        lowest: int = 0,
        pdu_size: int = 0xFFFF,
        engine: Callable[[ClientSettings], Any] = ClientConnection,
    ) -> None:
        self.meter, self.sap, self.now = meter, sap, now
        self.connection = engine(
            client_settings(
                meter, meter.clients[sap], counter=counter, lowest=lowest, pdu_size=pdu_size
            )
        )
        self.exchanged: list[bytes] = []
        self._receive = receive or (lambda frame: meter.receive(frame, now=self.now))

    def carry(self, apdu: bytes) -> None:
        """Give one APDU to the meter and take in whatever comes back."""
        frame = wrapper.encode(self.sap, SERVER_SAP, apdu)
        self.exchanged.append(frame)
        for answer in self._receive(frame):
            self.exchanged.append(answer)
            (found,) = wrapper.Decoder().feed(answer)
            assert (found.source, found.destination) == (SERVER_SAP, self.sap)
            self.connection.receive_data(found.apdu, now=self.now)

    def say(
        self,
        message: AssociationRequest | GetRequest | SetRequest | ActionRequest | ReleaseRequest,
    ) -> list[Event]:
        """Send it, carry on until both sides are silent, and tell what the client was told."""
        self.carry(self.connection.send(message, now=self.now))
        while (apdu := self.connection.data_to_send()) is not None:
            self.carry(apdu)
        events: list[Event] = []
        while (event := self.connection.next_event()) is not NEED_DATA:
            events.append(event)  # type: ignore[arg-type]
        return events

    def try_to_associate(self) -> list[Event]:
        """For a meter that may not let us in."""
        return self.say(AssociationRequest())

    def associate(self) -> Event:
        (event,) = self.say(AssociationRequest())
        return event

    def release(self) -> Event:
        (event,) = self.say(ReleaseRequest())
        return event

    def get(
        self, class_id: int, name: str, attribute: int, selection: SelectiveAccess | None = None
    ) -> GetResult:
        asked = AttributeDescriptor(class_id, LogicalName(name), attribute, selection)
        (response,) = self.say(GetRequest.of(asked))
        assert isinstance(response, GetResponse)
        return response.results[0]

    def set(self, class_id: int, name: str, attribute: int, value: Value) -> DataAccessResult:
        asked = AttributeDescriptor(class_id, LogicalName(name), attribute)
        (response,) = self.say(SetRequest.of(asked, value))
        assert isinstance(response, SetResponse)
        return response.results[0]

    def act(
        self, class_id: int, name: str, method: int, value: Value | None = None
    ) -> ActionResult:
        asked = MethodDescriptor(class_id, LogicalName(name), method)
        (response,) = self.say(ActionRequest.of(asked, value))
        assert isinstance(response, ActionResponse)
        return response.results[0].result
