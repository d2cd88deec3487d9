"""A client and a server back to back, with nothing between them but what a test puts there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from protocols.dlms.access_parts import carry_out
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import ActionResult, AuthenticationMechanism, DataAccessResult, Security
from protocols.dlms.events import NEED_DATA, Exchanged
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.security import Keys
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import (
    AccessRequest,
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    MethodDescriptor,
    MethodReturn,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.values import Value

KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
CLIENT_TITLE, SERVER_TITLE = b"AMI00001", b"MTR00001"
BOTH = Security.AUTHENTICATED_ENCRYPTED
GMAC = AuthenticationMechanism.HIGH_GMAC

ENERGY = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)
CLOCK = AttributeDescriptor(8, LogicalName("0.0.1.0.0.255"), 2)
COUNTER = AttributeDescriptor(1, LogicalName("0.0.43.1.0.255"), 2)
SCRIPT = MethodDescriptor(9, LogicalName("0.0.10.0.106.255"), 1)


def challenges() -> Callable[[], bytes]:
    """A source that never gives one twice."""
    numbers = iter(range(1, 1 << 30))
    return lambda: b"StoC" + next(numbers).to_bytes(4, "big")


def gmac_client(**changes: Any) -> ClientSettings:
    settings = ClientSettings(
        authentication=GMAC,
        keys=KEYS,
        system_title=CLIENT_TITLE,
        security=BOTH,
        challenge=b"CtoS0001",
        invocation_counter=100,
    )
    return replace(settings, **changes)


def gmac_server(**changes: Any) -> ServerSettings:
    settings = ServerSettings(
        authentication=GMAC,
        keys=KEYS,
        system_title=SERVER_TITLE,
        security=BOTH,
        challenge=challenges(),
        invocation_counter=500,
        peer_invocation_counter=100,
    )
    return replace(settings, **changes)


@dataclass
class Objects:
    """What the server holds: attributes by descriptor, and what methods were called with."""

    attributes: dict[AttributeDescriptor, Value] = field(default_factory=dict)
    called: list[tuple[MethodDescriptor, Value | None]] = field(default_factory=list)
    returned: Value | None = None

    def answer(self, event: object) -> Any:
        if isinstance(event, GetRequest):
            undefined = DataAccessResult.OBJECT_UNDEFINED
            return GetResponse(tuple(self.attributes.get(a, undefined) for a in event.attributes))
        if isinstance(event, SetRequest):
            self.attributes.update(zip(event.attributes, event.values, strict=True))
            return SetResponse((DataAccessResult.SUCCESS,) * len(event.attributes))
        if isinstance(event, ActionRequest):
            self.called += zip(event.methods, event.parameters, strict=True)
            done = MethodReturn(ActionResult.SUCCESS, self.returned)
            return ActionResponse((done,) * len(event.methods))
        if isinstance(event, AccessRequest):
            return carry_out(event, self.answer)
        return None


def said(connection: ClientConnection | ServerConnection) -> Iterator[bytes]:
    while (wire := connection.data_to_send()) is not None:
        yield wire


def told(connection: ClientConnection | ServerConnection) -> Iterator[Any]:
    while (event := connection.next_event()) is not NEED_DATA:
        yield event


class Pair:
    """Both ends.  `down` and `up` may change what passes; each gives what really arrives."""

    def __init__(self, client: ClientSettings, server: ServerSettings) -> None:
        self.exchanged: list[Exchanged] = []
        self.client = ClientConnection(client, trace=self.exchanged.append)
        self.server = ServerConnection(server)
        self.objects = Objects()
        self.down: Callable[[bytes], list[bytes]] = lambda wire: [wire]
        self.up: Callable[[bytes], list[bytes]] = lambda wire: [wire]
        self.server_events: list[Any] = []
        self.longest_down = self.longest_up = 0
        self.apdus = 0

    def ask(self, message: Any, *, now: float = 0.0) -> list[Any]:
        """What the client is told until nobody has anything to say."""
        return self.carry([self.client.send(message, now=now)], now=now)

    def carry(self, down: list[bytes], *, now: float = 0.0) -> list[Any]:
        events: list[Any] = []
        down += said(self.client)
        while down:
            up = [reply for wire in down for got in self.down(wire) for reply in self.serve(got)]
            self.longest_down = max(self.longest_down, *map(len, down))
            self.longest_up = max([self.longest_up, *map(len, up)])
            self.apdus += len(down) + len(up)
            down = []
            for wire in up:
                for got in self.up(wire):
                    self.client.receive_data(got, now=now)
                    down += said(self.client)
                    events += told(self.client)
        return events

    def serve(self, wire: bytes, *, now: float = 0.0) -> list[bytes]:
        """What the server says to one APDU."""
        self.server.receive_data(wire, now=now)
        replies = list(said(self.server))
        for event in told(self.server):
            self.server_events.append(event)
            response = self.objects.answer(event)
            if response is not None:
                reply = self.server.send(response, now=now)
                replies += [] if reply is None else [reply]
                replies += said(self.server)
        return replies

    def associate(self) -> list[Any]:
        return self.ask(AssociationRequest())
