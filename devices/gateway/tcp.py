"""A simulated device on a TCP port, for any DLMS client; a meter by the wrapper (IEC 62056-47) or
HDLC.

For the live loop only.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from devices.gateway.meter_line import AT_ONCE, LiveMeter, MeterLine
from devices.gateway.outflow import Pace
from protocols.link import ServerLink
from protocols.wrapper.link import WrapperServer

CONNECTIONS_MAX = 256
"""Open at once; one more takes the place of the one that has been silent for longest, so that
connections that say nothing, or never end what they say, keep nobody out."""

IDLE_TIMEOUT_S = 300.0
"""A connection on which nothing comes is closed; associations on it end sooner."""

WRITE_TIMEOUT_S = 30.0
"""A client that does not read is dropped."""

FRAME_LENGTH_MAX = 8192
"""Octets of one APDU that are waited for; the meter itself takes shorter ones only."""

READ_OCTETS = 4096


def wrapper_link() -> ServerLink:
    """A connection's link by default."""
    return WrapperServer(length_max=FRAME_LENGTH_MAX)


class Line(Protocol):
    """What a connection's octets go to."""

    broken: bool

    def receive(self, octets: bytes) -> None: ...

    def close(self) -> None: ...


class Listener:
    """Serves a device on TCP while the context is open; `make_line` makes one connection's line of
    what transmits over it.

    async with Listener(make_line) as listener:
        host, port = await listener.listen("127.0.0.1", 0)
    """

    def __init__(self, make_line: Callable[[Callable[[bytes], None]], Line]) -> None:
        self._make_line = make_line
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, None] = {}  # the one heard last at the end

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and tell the address; port 0 takes a free one.  Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port)
        if not self._server.sockets:  # asyncio passes over a socket that cannot be had
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        address = self._server.sockets[0].getsockname()
        return str(address[0]), int(address[1])

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()  # without waiting for a client that does not read
            while self._open:
                await asyncio.sleep(0)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS_MAX:
            silent = next(iter(self._open))
            del self._open[silent]
            silent.transport.abort()
        self._open[writer] = None
        line = self._make_line(writer.write)
        try:
            await self._converse(reader, writer, line)
        except (OSError, TimeoutError):
            pass  # the client is gone or asleep: nothing to tell it
        finally:
            line.close()
            self._open.pop(writer, None)
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line
    ) -> None:
        while not line.broken:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                octets = await reader.read(READ_OCTETS)
            if not octets or writer not in self._open:
                return
            self._open[writer] = self._open.pop(writer)
            line.receive(octets)
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await writer.drain()


class MeterListener(Listener):
    """Serves a meter on TCP while the context is open.

    async with LiveMeter(meter, now=wall_clock) as live, MeterListener(live) as listener:
        host, port = await listener.listen("127.0.0.1", 0)
    """

    def __init__(
        self,
        live: LiveMeter,
        make_link: Callable[[], ServerLink] = wrapper_link,
        *,
        pace: Pace = AT_ONCE,
    ) -> None:
        super().__init__(lambda transmit: MeterLine(live, make_link(), transmit, pace=pace))
