"""The concentrator's own port, where a technician's probe speaks DLMS with the concentrator itself.

    port = LocalPort(concentrator, seed=7)
    link = port.open_link()                                    # one TCP connection
    answers = link.take(apdu, client=16, server=1, now=env.now)

Associations are a link's own, as at a meter, and a restart ends them.  A client that ciphers has
one at a time: two that count by themselves would use a nonce twice under one key.  Its invocation
counters are in flash.
"""

from __future__ import annotations

from collections.abc import Iterator

from devices.concentrator.device import Concentrator
from devices.concentrator.flash import Counters
from devices.concentrator.local_cosem import Asked
from devices.concentrator.local_identity import CLIENTS, LocalIdentity
from devices.concentrator.local_services import answer
from devices.meter.clients import Client
from devices.meter.identity import SERVER_SAP
from devices.meter.server import CHALLENGE_OCTETS, INACTIVITY_TIMEOUT_S, UNKNOWN_CLIENT
from protocols.dlms.codes import ApduTag, Conformance
from protocols.dlms.events import NEED_DATA, Associated
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import AccessRequest, ActionRequest, GetRequest, SetRequest
from protocols.dlms.settings import ServerSettings
from protocols.dlms.state import State

MAX_PDU_SIZE = 4096
"""Octets of one APDU that it takes: it has more memory than a meter."""

CONFORMANCE = (
    Conformance.GET
    | Conformance.SET
    | Conformance.ACTION
    | Conformance.SELECTIVE_ACCESS
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_SET
    | Conformance.ACCESS
)


class LocalPort:
    """What is common to all links to one concentrator."""

    def __init__(self, concentrator: Concentrator, *, seed: int) -> None:
        self.concentrator = concentrator
        self.identity = LocalIdentity(seed, concentrator.name)
        self._ciphered: dict[int, LocalAssociation] = {}

    def open_link(self) -> LocalLink:
        """One more link, with associations of its own."""
        return LocalLink(self)

    def associate(self, client: Client) -> LocalAssociation:
        """A new association of this client; one that ciphers loses its older one."""
        association = LocalAssociation(self, client)
        if client.ciphers:
            older = self._ciphered.get(client.sap)
            if older is not None:
                older.connection.disconnect()
            self._ciphered[client.sap] = association
        return association


class LocalAssociation:
    """One client's association with the concentrator, over one link."""

    __slots__ = ("_opened", "_port", "client", "connection")

    def __init__(self, port: LocalPort, client: Client) -> None:
        self._port = port
        self.client = client
        self.connection = ServerConnection(_settings(port, client))
        self._opened: Associated | None = None

    def receive(self, apdu: bytes, *, now: float) -> list[bytes]:
        """The APDUs that answer this one; counters are in flash before any of them leaves."""
        answers = list(self._answers(apdu, now))
        if self.client.ciphers:
            known = self._port.concentrator.flash.local.setdefault(self.client.sap, Counters())
            known.next_own = max(known.next_own or 1, self.connection.invocation_counter)
            known.peer_lowest = max(known.peer_lowest, self.connection.peer_invocation_counter)
        return answers

    def _answers(self, apdu: bytes, now: float) -> Iterator[bytes]:
        connection = self.connection
        connection.receive_data(apdu, now=now)
        yield from self._own_words()
        while (event := connection.next_event()) is not NEED_DATA:
            if isinstance(event, Associated):
                self._opened = event
            elif isinstance(event, GetRequest | SetRequest | ActionRequest | AccessRequest):
                said = connection.send(answer(self._asked(now), event), now=now)
                if said is not None:
                    yield said
            yield from self._own_words()

    def _own_words(self) -> Iterator[bytes]:
        while (apdu := self.connection.data_to_send()) is not None:
            yield apdu

    def _asked(self, now: float) -> Asked:
        assert self._opened is not None, "the connection lets no request in before"
        return Asked(
            self._port.concentrator,
            self._port.identity,
            self.client,
            now,
            self._opened.negotiated,
            self._opened.peer_system_title,
        )


class LocalLink:
    """One link to the port, such as a TCP connection, and the associations over it."""

    __slots__ = ("_associations", "_boot", "_port")

    def __init__(self, port: LocalPort) -> None:
        self._port = port
        self._associations: dict[int, LocalAssociation] = {}
        self._boot = port.concentrator.flash.boot

    def take(self, apdu: bytes, *, client: int, server: int, now: float) -> list[bytes]:
        """The APDUs that answer one of this client; none for another logical device, nor of a
        concentrator that is without power or still boots."""
        concentrator = self._port.concentrator
        if server != SERVER_SAP or not apdu or not concentrator.running:
            return []
        self._forget(now)
        known = CLIENTS.get(client)
        if known is None:
            return [UNKNOWN_CLIENT] if apdu[0] == ApduTag.AARQ else []
        association = self._associations.get(client)
        if association is None or apdu[0] == ApduTag.AARQ:
            association = self._associations[client] = self._port.associate(known)
        return association.receive(apdu, now=now)

    def close(self) -> None:
        """The link is gone, and its associations with it."""
        for association in self._associations.values():
            association.connection.disconnect()
        self._associations.clear()

    def _forget(self, now: float) -> None:
        """What ended, was silent for too long, or was before the last restart."""
        boot = self._port.concentrator.flash.boot
        if boot != self._boot:
            self._boot = boot
            self.close()
        for sap, association in list(self._associations.items()):
            due = association.connection.next_deadline()
            if due is not None and due <= now:
                association.connection.handle_deadline(now=now)
            if association.connection.state is State.IDLE:
                del self._associations[sap]


def _settings(port: LocalPort, client: Client) -> ServerSettings:
    """What the concentrator brings to an association with this client."""
    if not client.ciphers:
        return ServerSettings(
            conformance=CONFORMANCE,
            max_pdu_size=MAX_PDU_SIZE,
            inactivity_timeout_s=INACTIVITY_TIMEOUT_S,
        )
    flash, identity = port.concentrator.flash, port.identity
    flash.local_associations += 1
    number, counters = flash.local_associations, flash.local.get(client.sap, Counters())
    return ServerSettings(
        authentication=client.mechanism,
        keys=identity.keys(client.sap),
        system_title=identity.system_title,
        security=client.security,
        invocation_counter=counters.next_own or 1,
        peer_invocation_counter=counters.peer_lowest,
        conformance=CONFORMANCE,
        max_pdu_size=MAX_PDU_SIZE,
        challenge=lambda: identity.challenge(number, count=CHALLENGE_OCTETS),
        inactivity_timeout_s=INACTIVITY_TIMEOUT_S,
    )
