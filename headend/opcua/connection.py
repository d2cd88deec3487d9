"""What the library leaves out of a client's connection.

It knows no BrowseNext, without which a folder of a million objects cannot be browsed; it looks at
passwords while everybody else waits; it lets a session be made over a channel without security even
where none is offered, believes a session's certificate that is not its channel's, and lets anybody
register servers without end.
"""

from __future__ import annotations

import asyncio
import logging
from copy import copy
from typing import TYPE_CHECKING, Any

import structlog
from asyncua import ua
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_from_binary

from headend import trouble
from headend.opcua.session import SpaceSession
from headend.ports import StoreUnavailable

if TYPE_CHECKING:
    from headend.opcua.served import Served

_BROWSE_NEXT = ua.NodeId(ua.ObjectIds.BrowseNextRequest_Encoding_DefaultBinary)
_OPEN = {
    ua.NodeId(each)
    for each in (
        ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary,
        ua.ObjectIds.FindServersRequest_Encoding_DefaultBinary,
        ua.ObjectIds.CloseSecureChannelRequest_Encoding_DefaultBinary,
    )
}
"""What may be asked over any channel (OPC 10000-4, 5.5: discovery needs no security)."""

_REFUSED = {
    ua.NodeId(each)
    for each in (
        ua.ObjectIds.RegisterServerRequest_Encoding_DefaultBinary,
        ua.ObjectIds.RegisterServer2Request_Encoding_DefaultBinary,
        ua.ObjectIds.TransferSubscriptionsRequest_Encoding_DefaultBinary,
    )
}
_ACTIVATE = ua.NodeId(ua.ObjectIds.ActivateSessionRequest_Encoding_DefaultBinary)

_log = structlog.get_logger("opcua")
# The library tells each wrong question of a client as an error, with its stack; what is ours to
# know is told here.
logging.getLogger("asyncua.server").setLevel(logging.CRITICAL)


class Processor(UaProcessor):
    """Requests of one connection."""

    served: Served
    _believed = False

    async def _process_message(
        self, typeid: ua.NodeId, requesthdr: Any, seqhdr: Any, body: Any
    ) -> bool:
        try:
            return await self._answered(typeid, requesthdr, seqhdr, body)
        except StoreUnavailable as error:
            _log.error("a question waits for the database", why=str(error))
            raise ua.uaerrors.BadResourceUnavailable from error
        except (ua.UaError, asyncio.CancelledError):
            raise
        except Exception as error:
            trouble.note([], _log, "a question broke", error)
            raise ua.uaerrors.BadInternalError from error

    async def _answered(self, typeid: ua.NodeId, requesthdr: Any, seqhdr: Any, body: Any) -> bool:
        if typeid in _REFUSED:
            raise ua.uaerrors.BadServiceUnsupported
        if typeid not in _OPEN:
            self._check_channel()
        if typeid == _BROWSE_NEXT and self.session is not None and self.session.is_activated():
            self.session.touch()
            params = struct_from_binary(ua.BrowseNextParameters, body)
            response = ua.BrowseNextResponse()
            response.Parameters.Results = await self.session.browse_next(params)
            self.send_response(requesthdr.RequestHandle, seqhdr, response)
            return True
        if typeid == _ACTIVATE and isinstance(self.session, SpaceSession):
            await self._prove(
                self.session, struct_from_binary(ua.ActivateSessionParameters, copy(body))
            )
        return bool(await super()._process_message(typeid, requesthdr, seqhdr, body))

    def _check_channel(self) -> None:
        """Where security is configured, a channel has it, with a certificate that is trusted."""
        trusts = self.served.trusts
        if trusts is None or self._believed:
            return
        peer = self._connection.security_policy.peer_certificate
        if peer is None or self._connection.security_policy.Mode == ua.MessageSecurityMode.None_:
            raise ua.uaerrors.BadSecurityModeRejected
        if not trusts(peer):
            raise ua.uaerrors.BadCertificateUntrusted
        self._believed = True

    async def _prove(self, session: SpaceSession, params: ua.ActivateSessionParameters) -> None:
        """Look at a name and password, and keep who it is with the session."""
        session.proven = None
        token = params.UserIdentityToken
        if not isinstance(token, ua.UserNameIdentityToken):
            return
        try:
            name, password = self.iserver.decrypt_user_token(session, token)
        except Exception as error:  # whatever the library makes of a damaged token
            raise ua.uaerrors.BadIdentityTokenInvalid from error
        if not isinstance(name, str) or not isinstance(password, str):
            raise ua.uaerrors.BadIdentityTokenInvalid
        peer = self.name[0] if self.name else "?"
        session.proven = await self.served.proves(name, password, str(peer))
        if session.proven is None:
            raise ua.uaerrors.BadUserAccessDenied


class _Protocol(OPCUAProtocol):
    served: Served
    processor: UaProcessor | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.processor is None:  # too many connections: this one is closed
            return
        processor = Processor(self.iserver, transport, self.limits)
        processor.served = self.served
        processor.set_policies(self.policies)
        self.processor = processor


class Door(BinaryServer):
    """The listening socket."""

    served: Served

    def _make_protocol(self) -> OPCUAProtocol:
        protocol = _Protocol(
            iserver=self.iserver,
            policies=self._policies,
            clients=self.clients,
            closing_tasks=self.closing_tasks,
            limits=self.limits,
        )
        protocol.served = self.served
        return protocol
