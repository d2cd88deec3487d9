"""An OPC UA server over a space."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from asyncua import Server, ua
from asyncua.common.connection import TransportLimits
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession

from headend.opcua.connection import Door
from headend.opcua.nodes import TYPE, Vocabulary, data_value
from headend.opcua.served import Bounds, Proves, Served
from headend.opcua.session import SpaceSession
from headend.opcua.space import Node, Space
from headend.ports import Clock

MESSAGE_OCTETS = 4 << 20
"""Of one message, either way: 10,000 samples take 0.3 MB."""

BUFFER_OCTETS = 65_535
SPARE_CONNECTIONS = 20
"""Beyond sessions: for those who ask where to connect."""


@dataclass(frozen=True, slots=True)
class Security:
    """Basic256Sha256, sign and encrypt: our certificate and key (PEM), and who may connect: every
    client whose certificate (DER) `trusts` holds good for."""

    certificate: bytes
    key: bytes
    trusts: Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens, and as what.  Port 0: a free one."""

    name: str
    host: str = "127.0.0.1"
    port: int = 0
    path: str = ""
    application: str = "urn:ami-headend:opcua"


class _Internal(InternalServer):
    """The library's server with our sessions."""

    served: Served

    def create_session(
        self, name: str, user: User | None = None, external: bool = False
    ) -> InternalSession:
        if len(self._external_sessions) >= self.served.bounds.sessions:
            raise ua.uaerrors.BadTooManySessions
        return SpaceSession(
            self.served, self, self.aspace, self.subscription_service, name,
            user=user or User(role=UserRole.Anonymous), external=external,
        )  # fmt: skip


class OpcUaServer:
    """`start` listens, `poke` passes on what is new, `stop` ends it."""

    def __init__(
        self,
        space: Space,
        place: Place,
        clock: Clock,
        *,
        bounds: Bounds | None = None,
        proves: Proves | None = None,
        security: Security | None = None,
    ) -> None:
        """Without `proves` everybody may connect, without `security` in the clear."""
        self._place, self._clock, self._security = place, clock, security
        internal = _Internal()
        self.served = internal.served = Served(
            space, bounds or Bounds(), internal.aspace, proves or _nobody, proves is None
        )
        self._server = Server(iserver=internal)
        self._door: Door | None = None

    @property
    def url(self) -> str:
        """Where it is, once it listens."""
        assert self._door is not None
        host = f"[{self._place.host}]" if ":" in self._place.host else self._place.host
        return f"opc.tcp://{host}:{self._door.port}/{self._place.path}"

    async def start(self) -> None:
        """Listen.  Raises `OSError` where the port cannot be had."""
        server, internal, place = self._server, self._server.iserver, self._place
        server.disable_clock()  # it would write the machine's time once a second
        await server.init()
        internal.set_attribute_value_callback(
            ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime),
            lambda *_: ua.DataValue(ua.Variant(self._clock.now(), ua.VariantType.DateTime)),
        )
        server.set_server_name(place.name)
        await server.set_application_uri(place.application)
        server.product_uri = "urn:ami-headend"
        server.manufacturer_name = "ami-headend"
        server.application_type = ua.ApplicationType.Server
        server.set_endpoint(f"opc.tcp://{place.host}:{place.port}/{place.path}")
        server.set_identity_tokens(
            [ua.AnonymousIdentityToken] if self.served.anonymous else [ua.UserNameIdentityToken]
        )
        internal.allow_remote_admin = False
        internal.max_subscriptions = self.served.bounds.subscriptions
        internal.max_connections = self.served.bounds.sessions + SPARE_CONNECTIONS
        server.limits = TransportLimits(
            max_recv_buffer=BUFFER_OCTETS,
            max_send_buffer=BUFFER_OCTETS,
            max_chunk_count=MESSAGE_OCTETS // BUFFER_OCTETS + 1,
            max_message_size=MESSAGE_OCTETS,
        )
        index = await server.register_namespace(self.served.space.uri)
        self.served.words = Vocabulary(index)
        await self._secure()
        await self._enter_types()
        await self._tell_limits()
        await self._listen()

    async def _secure(self) -> None:
        if self._security is None:
            self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            return
        await self._server.load_certificate(self._security.certificate, "PEM")
        await self._server.load_private_key(self._security.key, format="PEM")
        self._server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        self.served.trusts = self._security.trusts

    async def _enter_types(self) -> None:
        """Object types and event types are few: they are ordinary nodes."""
        words, nodes = self.served.words, self._server.nodes
        for name in self.served.space.types:
            await nodes.base_object_type.add_object_type(words.id(TYPE + name), words.name(name))
        for each in self.served.space.happenings:
            kind = await nodes.base_event_type.add_object_type(
                words.id(TYPE + each.name), words.name(each.name)
            )
            for field_name, example in each.fields.items():
                id = words.id(f"{TYPE}{each.name}.{field_name}")
                await kind.add_property(id, words.name(field_name), example)

    async def _tell_limits(self) -> None:
        bounds = self.served.bounds
        prefix = "Server_ServerCapabilities_OperationLimits_MaxNodesPer"
        told = {
            "Read": bounds.reads,
            "Browse": bounds.browses,
            "HistoryReadData": bounds.histories,
            "HistoryReadEvents": bounds.histories,
            "TranslateBrowsePathsToNodeIds": bounds.browses,
        }
        for what, most in told.items():
            node = self._server.get_node(ua.NodeId(getattr(ua.ObjectIds, prefix + what)))
            await node.write_value(ua.Variant(most, ua.VariantType.UInt32))

    async def _listen(self) -> None:
        """What the library's `start` does, with our door."""
        server, place = self._server, self._place
        await server._setup_server_nodes()
        await server.iserver.start()
        door = Door(server.iserver, place.host.strip("[]"), place.port, server.limits)
        door.served = self.served
        door.set_policies(server._policies)
        try:
            await door.start()
        except OSError:
            await server.iserver.stop()
            raise
        self._door = server.bserver = door

    async def poke(self) -> int:
        """Pass new samples on to who monitors them; of how many variables."""
        self.served.forget_unmonitored()
        watched = [*self.served.monitored.values()]
        told = 0
        for begin in range(0, len(watched), self.served.bounds.reads):
            part = watched[begin : begin + self.served.bounds.reads]
            samples = await self.served.space.present(part)
            told += [
                await self._tell(node, data_value(node, samples.get(node.id))) for node in part
            ].count(True)
        return told

    async def _tell(self, node: Node, value: ua.DataValue) -> bool:
        id = self.served.words.id(node.id)
        entered = self.served.aspace.get(id)
        if entered is None or entered.attributes[ua.AttributeIds.Value].value == value:
            return False
        await self.served.aspace.write_attribute_value(id, ua.AttributeIds.Value, value)
        return True

    async def stop(self) -> None:
        """End all connections and listen no more."""
        if self._door is not None:
            await self._server.stop()
            self._door = None


async def _nobody(*_: str) -> str | None:
    return None


async def poking(server: OpcUaServer, every_s: float) -> None:
    """Pass on what is new, again and again, until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        await server.poke()
