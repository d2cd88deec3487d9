"""One connection to a system's OPC UA server, opened when it is first needed and again after it was
lost.  What can go wrong is told in the words of `layer`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties

from headend.integration.cim.layer import SourceTooSlow, SourceUnavailable, TooMuch

REQUEST_S = 20.0
"""For one request; an adapter gives up after 30 s."""

FAREWELL_S = 1.0
"""For the end of a connection."""

AT_ONCE = 500
"""Nodes in one request, where the server does not say that it takes fewer."""

_SLOW = (ua.uaerrors.BadTimeout, ua.uaerrors.BadRequestTimeout)
_TOO_MUCH = (
    ua.uaerrors.BadTooManyOperations,
    ua.uaerrors.BadResponseTooLarge,
    ua.uaerrors.BadRequestTooLarge,
    ua.uaerrors.BadEncodingLimitsExceeded,
    ua.uaerrors.BadNoContinuationPoints,
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where a system's server is.  With a certificate the connection is signed and encrypted
    (Basic256Sha256); a password goes over the network only so."""

    url: str
    user: str | None = None
    password: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_certificate: Path | None = None


class Connection:
    """To one server; `namespace` is that of the system's own nodes."""

    def __init__(self, server: Server, namespace: str) -> None:
        self._server, self._namespace = server, namespace
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self.at_once = AT_ONCE
        self.index = 0
        """Of the namespace, as this connection's server counts."""
        self.number = 0
        """How many were opened: what was browsed over one is not known over the next."""

    async def close(self) -> None:
        """End the connection, if there is one."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # it may be dead already, or busy with what is not wanted
                async with asyncio.timeout(FAREWELL_S):
                    await client.disconnect()
            client.disconnect_socket()

    async def connect(self) -> None:
        """Be connected.  Raises `SourceUnavailable` or `SourceTooSlow`."""
        async with self.asking():
            pass

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Client]:
        """The connection, for one request; it is given up where the request fails for its sake."""
        try:
            with foreign():
                async with asyncio.timeout(REQUEST_S):
                    yield await self._connected()
        except (SourceUnavailable, SourceTooSlow):
            await self.close()
            raise

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None:
                client = Client(self._server.url, timeout=REQUEST_S)
                if self._server.certificate is not None and self._server.key is not None:
                    await client.set_security(
                        SecurityPolicyBasic256Sha256,
                        _pem(self._server.certificate),
                        _pem(self._server.key),
                        server_certificate=_pem(self._server.server_certificate),
                    )
                elif self._server.password is not None and not _is_loopback(self._server.url):
                    raise SourceUnavailable("a password in the clear stays on this machine")
                if self._server.user is not None:
                    client.set_user(self._server.user)
                    client.set_password(self._server.password or "")
                client.application_uri = "urn:ami-headend:cim"
                await client.connect()
                try:
                    await self._look(client)
                except BaseException:
                    with suppress(Exception):
                        await client.disconnect()
                    raise
                self._client = client
                self.number += 1
            return self._client

    async def _look(self, client: Client) -> None:
        """Which number the namespace has there, and how much one request may ask for."""
        uris = await client.get_namespace_array()
        if self._namespace not in uris:
            raise SourceUnavailable(f"the server has no namespace {self._namespace}")
        self.index = uris.index(self._namespace)
        prefix = "Server_ServerCapabilities_OperationLimits_MaxNodesPer"
        ids = [ua.NodeId(getattr(ua.ObjectIds, prefix + each)) for each in ("Browse", "Read")]
        asked = [ua.ReadValueId(NodeId=id, AttributeId=ua.AttributeIds.Value) for id in ids]
        told = await client.uaclient.read(ua.ReadParameters(NodesToRead=asked))
        bounds = [value for each in told if isinstance(value := plain(each), int) and value > 0]
        self.at_once = min(AT_ONCE, *bounds) if bounds else AT_ONCE


class foreign:
    """The library's errors in the layer's words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (TimeoutError, *_SLOW)):
            raise SourceTooSlow(str(error)) from error
        if isinstance(error, _TOO_MUCH):
            raise TooMuch(str(error)) from error
        if isinstance(error, (OSError, ua.UaError)):
            raise SourceUnavailable(str(error) or type(error).__name__) from error


def plain(value: ua.DataValue) -> Any:
    """A good value; None of any other."""
    if value.Value is None or not (value.StatusCode is None or value.StatusCode.is_good()):
        return None
    return value.Value.Value


def _pem(path: Path | None) -> CertProperties | None:
    """A file's octets; the library would judge a path by its ending."""
    return None if path is None else CertProperties(path.read_bytes(), "PEM")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")
