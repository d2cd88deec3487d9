"""An HTTPS POST that cannot be turned to the inside (server-side request forgery).

The name is resolved here, every address it has is looked at, and the connection is made to one of
those that were looked at: a name that answers differently the second time gains nothing.  Redirects
are not followed, proxies of the environment not used.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import h11

ANSWER_MAX = 64 * 1024
INSIDE = (
    ip_network("fec0::/10"),  # site-local, which some networks still use (RFC 3879)
    ip_network("192.88.99.0/24"),  # relays to IPv6, given up (RFC 7526)
    ip_network("3fff::/20"),  # documentation (RFC 9637)
)
"""Not public either, whatever the library's tables say, which are older than some of it."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name.  Raises `OSError`."""


class Unreachable(Exception):
    """No answer came; another try may bring one."""


class Forbidden(Exception):
    """It may not go there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status; its headers and body say nothing that counts."""

    status: int


async def resolved(host: str, port: int) -> Sequence[str]:
    """By the machine's own resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


def permitted(address: str, networks: Sequence[str]) -> bool:
    """Whether an address is public, or in one of the utility's networks that are listed."""
    try:
        one: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(one, "ipv4_mapped", None) or getattr(one, "sixtofour", None)
    if inner is not None:
        one = inner
    if any(one in ip_network(network) for network in networks):
        return True
    if any(one in network for network in INSIDE):
        return False
    return one.is_global and not one.is_multicast and not one.is_reserved


@dataclass(frozen=True, slots=True)
class GuardedPost:
    """Posts to permitted addresses alone."""

    networks: tuple[str, ...]
    timeout_s: float
    context: ssl.SSLContext
    resolve: Resolve = resolved

    async def post(
        self, host: str, port: int, target: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        """Raises `Forbidden`, `Unreachable`."""
        try:
            async with asyncio.timeout(self.timeout_s):
                address = await self._address(host, port)
                return await self._exchange(address, host, port, target, headers, body)
        except TimeoutError as error:
            raise Unreachable("no answer in time") from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    async def _address(self, host: str, port: int) -> str:
        addresses = await self.resolve(host, port)
        inside = [each for each in addresses if not permitted(each, self.networks)]
        if inside:
            raise Forbidden(f"{host} is at {inside[0]}, which is not public and not listed")
        if not addresses:
            raise Unreachable(f"{host} has no address")
        return addresses[0]

    async def _exchange(
        self, address: str, host: str, port: int, target: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        reader, writer = await asyncio.open_connection(
            address, port, ssl=self.context, server_hostname=host
        )
        try:
            connection = h11.Connection(h11.CLIENT)
            named = f"[{host}]" if ":" in host else host
            every = {
                "Host": named if port == 443 else f"{named}:{port}",
                "Content-Length": str(len(body)),
                "Connection": "close",
                **headers,
            }
            request = h11.Request(method="POST", target=target, headers=list(every.items()))
            for part in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(connection.send(part) or b"")
            await writer.drain()
            return await _answer(connection, reader)
        finally:
            writer.close()


async def _answer(connection: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    """The answer's head; its body says nothing that counts."""
    size = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            octets = await reader.read(16 * 1024)
            size += len(octets)
            if size > ANSWER_MAX:
                raise Unreachable("the head of the answer is too long")
            connection.receive_data(octets)
        elif isinstance(event, h11.Response):
            return Answer(event.status_code)
        elif isinstance(event, h11.ConnectionClosed):
            raise Unreachable("the connection ended without an answer")
