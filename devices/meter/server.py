"""The meter's associations: an APDU and its two addresses in, the APDUs that answer it out.

An `Endpoint` is one lower layer: the meter's PLC or RF module, or one TCP connection.  It holds an
association for each client address (Green Book 9.1.4: an association is between two application
processes, whatever link carries it).  A new AARQ replaces the client's old association, because a
client that lost an RLRQ to noise has no other way back in.  Where a client ciphers it replaces the
one that this client has over another link, too: two associations that count by themselves would
use a nonce twice under one key.

What is said to all stations belongs to no association that anybody opened, and is never answered:
see `broadcast`.

What belongs to the meter and not to an association, the invocation counters, is read from the meter
when an association opens and written back after each APDU.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from devices.chance import octets
from devices.meter import broadcast
from devices.meter.certificates import pairs_of
from devices.meter.clients import Client
from devices.meter.cosem import Context
from devices.meter.dirt import RELEASE_REFUSED, DirtyConnection
from devices.meter.events import Event
from devices.meter.identity import SERVER_SAP
from devices.meter.keyring import generation, keys_of
from devices.meter.policy import required
from devices.meter.services import answer
from devices.meter.state import MeterState
from protocols.dlms.acse import AARE
from protocols.dlms.apdu import encode
from protocols.dlms.broadcast import ALL_STATIONS
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    ApduTag,
    ApplicationContext,
    AssociationResult,
    AuthenticationMechanism,
    Conformance,
    Security,
)
from protocols.dlms.events import (
    NEED_DATA,
    Associated,
    AssociationRefused,
    ProtocolViolation,
    Violation,
)
from protocols.dlms.hls import HLS
from protocols.dlms.keys import KeyPairs
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import AccessRequest, ActionRequest, GetRequest, SetRequest
from protocols.dlms.settings import ServerSettings
from protocols.dlms.state import State

INACTIVITY_TIMEOUT_S = 180.0
"""After which an association closes.  IDIS package 2 meters wait 2 to 3 minutes."""

MAX_PDU_SIZE = 1024
"""Octets that the meter takes in one APDU: as small as field meters are, so blocks are needed."""

CHALLENGE_OCTETS = 16  # of 8 to 64, Green Book 9.2.7.4; clients are in use that fail at more
SIGNED_CHALLENGE_OCTETS = 32  # of 32 to 64

CONFORMANCE = (
    Conformance.GET
    | Conformance.SET
    | Conformance.ACTION
    | Conformance.SELECTIVE_ACCESS
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_SET
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
    | Conformance.ATTRIBUTE_0_WITH_GET
    | Conformance.GENERAL_PROTECTION
    | Conformance.GENERAL_BLOCK_TRANSFER
    | Conformance.ACCESS
)


FRAUD = {
    Violation.NOT_AUTHENTIC: Event.DECRYPTION_FAILURE,
    Violation.REPLAYED: Event.REPLAY_ATTACK,
}

UNKNOWN_CLIENT = encode(
    AARE(
        ApplicationContext.LOGICAL_NAME,
        AssociationResult.REJECTED_PERMANENT,
        AcseUserDiagnostic.NO_REASON_GIVEN,
    )
)
"""What an AARQ from an address that is nobody's gets, so that it need not be waited for."""


class Association:
    """One client's association with this meter, over one endpoint."""

    __slots__ = ("_context", "_generation", "_meter", "client", "connection")

    def __init__(self, meter: MeterState, client: Client) -> None:
        self._meter = meter
        self.client = client
        self.connection = connection(meter, settings(meter, client))
        self._generation = generation(meter, client.sap)
        self._context: Associated | None = None

    def end(self) -> None:
        """It ends without a word."""
        self.connection.disconnect()

    def receive(self, apdu: bytes, *, now: float) -> Iterator[bytes]:
        """The APDUs that answer this one."""
        if self._meter.dirty("release-refused") and apdu[0] == ApduTag.RLRQ:
            self.end()
            yield RELEASE_REFUSED
            return
        connection, noticed = self.connection, None
        connection.receive_data(apdu, now=now)
        yield from self._own_words()
        while (event := connection.next_event()) is not NEED_DATA:
            if isinstance(event, Associated):
                self._context = event
            elif isinstance(event, ProtocolViolation | AssociationRefused):
                noticed = noticed or fraud_of(event)
            elif isinstance(event, GetRequest | SetRequest | ActionRequest | AccessRequest):
                said = connection.send(answer(self._asked_in(now), event), now=now)
                if said is not None:
                    yield said
            yield from self._own_words()
        if noticed is not None:
            self._meter.happened(noticed, now)
        self._remember_counters()

    def _asked_in(self, now: float) -> Context:
        assert self._context is not None, "the connection lets no request in before"
        opened = self._context
        return Context(self._meter, self.client, now, opened.negotiated, opened.peer_system_title)

    def _own_words(self) -> Iterator[bytes]:
        while (apdu := self.connection.data_to_send()) is not None:
            yield apdu

    def _remember_counters(self) -> None:
        # An association that outlives its key goes on with the old one, whose counters end with it.
        if self.client.ciphers and self._generation == generation(self._meter, self.client.sap):
            self._meter.note_counters(
                self.client.sap,
                own=self.connection.invocation_counter,
                peer=self.connection.peer_invocation_counter,
            )


class Endpoint:
    """One link to the meter, and the associations over it."""

    __slots__ = ("_associations", "_meter")

    def __init__(self, meter: MeterState) -> None:
        self._meter = meter
        self._associations: dict[int, Association] = {}

    def take(self, apdu: bytes, *, client: int, server: int, now: float) -> list[bytes]:
        """The APDUs that answer one of this client to this logical device; one for others, none."""
        if server == ALL_STATIONS and apdu:
            broadcast.hear(self._meter, apdu, client=client, now=now)
            return []
        if server != SERVER_SAP or not apdu:
            return []
        known = self._meter.clients.get(client)
        if known is None:
            return [UNKNOWN_CLIENT] if apdu[0] == ApduTag.AARQ else []
        association = self._associations.get(client)
        if association is None or apdu[0] == ApduTag.AARQ:
            association = self._associations[client] = Association(self._meter, known)
            if known.ciphers and apdu[0] == ApduTag.AARQ:
                self._meter.supersede(association)
        answers = list(association.receive(apdu, now=now))
        self._forget_closed()
        return answers

    def leave(self, client: int) -> None:
        """This client's part of the link is gone, as after a DISC of HDLC."""
        association = self._associations.get(client)
        if association is not None:
            association.connection.disconnect()
            self._forget_closed()

    def serves(self, client_sap: int) -> bool:
        """Whether an association with this client is open on this link."""
        return client_sap in self._associations

    def deadlines(self) -> Iterator[float]:
        """When an association times out."""
        for association in self._associations.values():
            if (deadline := association.connection.next_deadline()) is not None:
                yield deadline

    def advance(self, now: float) -> None:
        """Close what was silent for too long."""
        for association in self._associations.values():
            deadline = association.connection.next_deadline()
            if deadline is not None and deadline <= now:
                association.connection.handle_deadline(now=now)
                self._meter.happened(Event.ASSOCIATION_TIMED_OUT, now)
        self._forget_closed()

    def close(self) -> None:
        """The link is gone, and its associations with it."""
        for association in self._associations.values():
            association.connection.disconnect()
        self._forget_closed()

    def _forget_closed(self) -> None:
        closed = [s for s, a in self._associations.items() if a.connection.state is State.IDLE]
        for sap in closed:
            self._meter.forget(self._associations.pop(sap))


def fraud_of(told: ProtocolViolation | AssociationRefused) -> Event | None:
    """What the fraud log says of an attempt that was refused; None where nobody pretended."""
    if isinstance(told, ProtocolViolation):
        return FRAUD.get(told.violation)
    failed = told.diagnostic is AcseUserDiagnostic.AUTHENTICATION_FAILURE
    return Event.AUTHENTICATION_FAILURE if failed else None


def connection(meter: MeterState, settings: ServerSettings) -> ServerConnection:
    """The server's side of an association with this meter."""
    if not meter.spoils:
        return ServerConnection(settings)
    dirty = DirtyConnection(settings)
    dirty.dirty = meter.dirty
    return dirty


def settings(meter: MeterState, client: Client) -> ServerSettings:
    """What the meter brings to an association with this client."""
    identity, faults = meter.identity, meter.faults
    own, peer = meter.counters(client.sap)
    association = meter.count_association()

    def challenge() -> bytes:
        signed = client.mechanism is AuthenticationMechanism.HIGH_ECDSA
        return secret("StoC", SIGNED_CHALLENGE_OCTETS if signed else CHALLENGE_OCTETS)

    def secret(purpose: str, count: int) -> bytes:
        return octets(identity.seed, "meter", identity.index, purpose, association, count=count)

    drawn = itertools.count()

    return ServerSettings(
        authentication=client.mechanism,
        password=meter.changed_password(client.sap) or identity.password(client.sap)
        if client.mechanism is not AuthenticationMechanism.NONE
        else b"",
        keys=keys_of(meter, client) if client.ciphers else None,
        suite=client.suite,
        pairs=pairs_of(meter, client) if client.suite else KeyPairs(),
        secrets=lambda count: secret(f"key {next(drawn)}", count),
        system_title=identity.system_title,
        security=required(meter, client) if client.ciphers else Security.NONE,
        invocation_counter=1 if faults.counter_rolled_back else own,
        peer_invocation_counter=peer,
        conformance=CONFORMANCE,
        max_pdu_size=MAX_PDU_SIZE,
        unlimited_size=MAX_PDU_SIZE,
        challenge=challenge if client.mechanism in HLS else None,
        inactivity_timeout_s=INACTIVITY_TIMEOUT_S,
    )
