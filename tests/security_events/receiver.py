"""A syslog server of a test: takes what the RFC allows, and may be away or break off."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from protocols.syslog import SyslogMessage, parse, unframed


@dataclass
class Receiver:
    """Streams that ended well, each parsed whole; `mood` is how the next ones are treated."""

    messages: list[SyslogMessage] = field(default_factory=list)
    mood: str = "takes"  # or "breaks off", "hangs"
    port: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        if self.mood == "breaks off":
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await reader.readexactly(20)
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        if self.mood == "hangs":
            with suppress(asyncio.CancelledError, ConnectionError):
                await asyncio.sleep(3600)
            return
        with suppress(ConnectionError, ssl.SSLError):
            stream = await reader.read()
            self.messages += [parse(each) for each in unframed(stream)]
            writer.close()
            await writer.wait_closed()

    async def hang_up(self) -> None:
        """On everybody who is still there."""
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)  # the loop tells their protocols

    @property
    def numbers(self) -> list[int]:
        """Of the lines that came, in the order of their coming."""
        return [int(each.elements["ami@32473"]["number"]) for each in self.messages]


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A server on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        try:
            yield receiver
        finally:
            await receiver.hang_up()
