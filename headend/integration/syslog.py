"""Ways to a syslog server: TLS (RFC 5425), TCP (RFC 6587, octet counting) and UDP (RFC 5426).

Syslog has no acknowledgement.  Over a stream we have one all the same: a batch has a connection of
its own; we end our side, and the server ends its own once it has read to our end.  Until then the
batch counts as not delivered, and is sent again: a message may come twice, and none is lost on its
way.  A server that dies with octets unread resets its side; one that had read them and dies before
it kept them ends like any other.  UDP tells nothing, and may lose what a network loses.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from headend.config import Syslog
from headend.integration.outbox import NotDelivered
from protocols import syslog

PORTS = {"tls": 6514, "tcp": 601, "udp": 514}  # as registered with IANA


LOOK_S = 0.01
_OVER = (6, 7)  # TCP_TIME_WAIT, TCP_CLOSE: both sides have ended

_log = structlog.get_logger("syslog")


@dataclass(slots=True)
class SyslogServer:
    """Where messages go.  `tls` is our side of TLS, where it is that."""

    policy: Syslog
    host: str
    tls: ssl.SSLContext | None = None
    _abrupt: bool = False  # it was said that the server ends without a close_notify

    @property
    def port(self) -> int:
        """The configured one, or the transport's own."""
        return self.policy.port or PORTS[self.policy.transport]

    async def deliver(self, messages: Sequence[bytes]) -> None:
        """Hand these over.  Raises `NotDelivered`, and then any number of them may have come."""
        try:
            async with asyncio.timeout(self.policy.timeout_s):
                if self.policy.transport == "udp":
                    await self._datagrams(messages)
                else:
                    await self._stream(b"".join(map(syslog.framed, messages)))
        except TimeoutError as error:
            why = f"not within {self.policy.timeout_s:g} s"
            raise NotDelivered(f"{self.host}:{self.port}: {why}") from error
        except (OSError, ssl.SSLError) as error:
            raise NotDelivered(f"{self.host}:{self.port}: {error}") from error

    async def _stream(self, octets: bytes) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            if self.tls is not None:
                if await _Secured(reader, writer, self.tls, self.host).tell(octets):
                    return
                self._warn()
            else:
                writer.write(octets)
                await writer.drain()
            writer.write_eof()
            await reader.read()  # until the server's own end; a reset raises
            await _read_to_our_end(writer)
        finally:
            writer.transport.abort()

    def _warn(self) -> None:
        """Say once of a server that it does not end as it must."""
        if not self._abrupt:
            self._abrupt = True
            _log.warning(
                "the CERT's server ends connections without close_notify (RFC 5425, 4.4)",
                server=f"{self.host}:{self.port}",
            )

    async def _datagrams(self, messages: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(self.host, self.port)
        )
        for message in messages:
            transport.sendto(message)
        transport.close()


async def _read_to_our_end(writer: asyncio.StreamWriter) -> None:
    """Wait until the server's system has acknowledged our end.  One that ended its side before it
    read ours, as a server does that turns us away, resets instead.  Raises `OSError`."""
    connection = writer.get_extra_info("socket")
    info = getattr(socket, "TCP_INFO", None)  # Linux; elsewhere the server's end has to do
    while info is not None and connection.getsockopt(socket.IPPROTO_TCP, info, 1)[0] not in _OVER:
        await asyncio.sleep(LOOK_S)
    if reset := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(reset, os.strerror(reset))


class _Secured:
    """TLS over a stream, driven by hand: asyncio's own does not tell whether the server read to our
    end, or sent an alert that it refused us after our side of the handshake was over (RFC 8446,
    4.4.2.4 and appendix E.1.2)."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
        host: str,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._in, self._out, server_hostname=host)

    async def tell(self, octets: bytes) -> bool:
        """Send these; returns once the server has read to our end, whether it answered our
        close_notify.  It must (RFC 5425, 4.4), but many a server just ends its side, which over
        TCP says as much: with octets unread it would have been a reset.  One that may have refused
        our certificate is not believed.  Raises `OSError`."""
        await self._drive(self._ssl.do_handshake)
        version = self._ssl.version()
        left = memoryview(octets)
        while left:
            done = 0

            def write(some: memoryview = left) -> None:
                nonlocal done
                done = self._ssl.write(some)

            await self._drive(write)
            left = left[done:]
        try:
            await self._drive(self._ssl.unwrap)
        except ssl.SSLEOFError:
            if not self._accepted(version):
                raise
            return False
        return True

    def _accepted(self, version: str | None) -> bool:
        """Whether the server is known to have verified our side of the handshake: until TLS 1.2 its
        Finished says so, since then its first ticket (RFC 8446, 4.6.1)."""
        session = self._ssl.session
        return version != "TLSv1.3" or (session is not None and session.has_ticket)

    async def _drive(self, step: Callable[[], object]) -> None:
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                await self._flush()
                octets = await self._reader.read(65_536)
                if octets:
                    self._in.write(octets)
                else:
                    self._in.write_eof()
                continue
            finally:
                await self._flush()  # an alert of ours among it
            return

    async def _flush(self) -> None:
        if octets := self._out.read():
            self._writer.write(octets)
            await self._writer.drain()


def to_server(policy: Syslog) -> SyslogServer | None:
    """The configured server; None where there is none.  Raises `OSError`, `ssl.SSLError`."""
    if policy.host is None:
        return None
    context = None
    if policy.transport == "tls":
        files = policy.tls
        context = ssl.create_default_context(cafile=None if files is None else files.authority)
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # an end without close_notify is none
        if files is not None and files.certificate is not None:
            context.load_cert_chain(files.certificate, files.key)
    return SyslogServer(policy, policy.host, context)
