"""A meter on the far end of a wrapper stream, and a link that can drop, alter and replay.

The meter is our server connection, one for each client address, over the objects of `objects`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from protocols import wrapper
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Conformance, Security
from protocols.dlms.events import NEED_DATA, ClientEngine, Event
from protocols.dlms.gurux import GuruxConnection
from protocols.dlms.security import Keys
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import ActionRequest, GetRequest, SetRequest
from protocols.dlms.session import Session
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.values import DoubleLongUnsigned
from tests.dlms_engines.objects import COUNTER, Objects

ENGINES: dict[str, type[ClientConnection] | type[GuruxConnection]] = {
    "own": ClientConnection,
    "gurux": GuruxConnection,
}
KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
OTHER_KEYS = Keys(bytes(range(1, 17)), KEYS.authentication)
PASSWORD = b"correct horse"
METER_TITLE, CLIENT_TITLE = b"AMI\x00\x00\x00\x00\x01", b"CON\x00\x00\x00\x00\x07"
PUBLIC, MANAGEMENT = 16, 1
NONE, LOW, GMAC = (
    AuthenticationMechanism.NONE,
    AuthenticationMechanism.LOW,
    AuthenticationMechanism.HIGH_GMAC,
)
PROTECTED = Security.AUTHENTICATED_ENCRYPTED


def client_settings(authentication: AuthenticationMechanism = GMAC, **changes) -> ClientSettings:
    """The client's side of each of the three associations."""
    if authentication is GMAC:
        base = ClientSettings(
            authentication=GMAC,
            keys=KEYS,
            system_title=CLIENT_TITLE,
            security=PROTECTED,
            invocation_counter=101,
            challenge=b"CtoS-challenge-1",
        )
    elif authentication is LOW:
        base = ClientSettings(authentication=LOW, password=PASSWORD)
    else:
        base = ClientSettings()
    return replace(base, **changes)


def server_settings(authentication: AuthenticationMechanism = GMAC, **changes) -> ServerSettings:
    """The meter's side."""
    if authentication is GMAC:
        numbers = itertools.count(1)
        base = ServerSettings(
            authentication=GMAC,
            keys=KEYS,
            system_title=METER_TITLE,
            security=PROTECTED,
            invocation_counter=5000,
            peer_invocation_counter=101,
            challenge=lambda: b"StoC-challenge%02d" % next(numbers),
        )
    elif authentication is LOW:
        base = ServerSettings(authentication=LOW, password=PASSWORD)
    else:
        base = ServerSettings()
    return replace(base, **changes)


@dataclass
class Meter:
    """Takes in octets, gives out octets."""

    objects: Objects
    servers: dict[int, ServerConnection]
    decoder: wrapper.Decoder = field(default_factory=wrapper.Decoder)
    events: list[Event] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        objects: Objects,
        authentication: AuthenticationMechanism = GMAC,
        **changes,
    ) -> Meter:
        objects.values[1, COUNTER, 2] = DoubleLongUnsigned(
            changes.get("peer_invocation_counter", 101) - 1
        )
        return cls(
            objects,
            {
                PUBLIC: ServerConnection(server_settings(NONE)),
                MANAGEMENT: ServerConnection(server_settings(authentication, **changes)),
            },
        )

    def receive(self, octets: bytes, now: float) -> bytes:
        out = b""
        for frame in self.decoder.feed(octets):
            server = self.servers[frame.source]
            for apdu in self._answer(server, frame.apdu, now):
                out += wrapper.encode(frame.destination, frame.source, apdu)
        return out

    def _answer(self, server: ServerConnection, apdu: bytes, now: float) -> list[bytes]:
        server.receive_data(apdu, now=now)
        out = []
        while True:
            while (own := server.data_to_send()) is not None:
                out.append(own)
            event = server.next_event()
            if event is NEED_DATA:
                return out
            self.events.append(event)
            if isinstance(event, (GetRequest, SetRequest, ActionRequest)):
                out.append(server.send(self.objects.answer(event), now=now))


# What a link does to one frame's octets: passes them on, or others, or b"".
Carry = Callable[[bytes], bytes]


def passes(octets: bytes) -> bytes:
    return octets


def run(
    session: Session,
    meter: Meter,
    *,
    down: Carry = passes,
    up: Carry = passes,
    piece: int = 0,
    now: float = 1000.0,
) -> Session:
    """Carry octets between both until the session is done; silence lets time pass."""
    out: bytes | None = session.start(now)
    for _ in range(2000):
        if session.done:
            return session
        now += 0.01
        back = meter.receive(down(out), now) if out else b""
        back = up(back) if back else b""
        out = None
        if back:
            out = feed(session, back, now, piece)
        else:
            due = session.next_deadline()
            assert due is not None, "a session that waits has a deadline"
            now = max(now, due)
            out = session.handle_deadline(now)
    raise AssertionError("the conversation does not end")


def feed(session: Session, octets: bytes, now: float, piece: int) -> bytes | None:
    """All at once, or in pieces of so many octets."""
    size = piece or len(octets)
    out = b""
    for start in range(0, len(octets), size):
        out += session.receive(octets[start : start + size], now) or b""
    return out or None


def session(engine: str | ClientEngine, procedure, *, settings=None, **options) -> Session:
    """A session of the management client over one of the engines."""
    if isinstance(engine, str):
        engine = ENGINES[engine](settings or client_settings())
    return Session(engine, procedure, client=MANAGEMENT, **options)


WITHOUT_LISTS = CONFORMANCE & ~Conformance.MULTIPLE_REFERENCES
