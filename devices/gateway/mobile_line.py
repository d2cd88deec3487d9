"""A mobile line for real sockets: a relay on loopback that can be slow, or fall silent.

A simulated modem cannot unplug a cable.  So its connection to the broker goes through this relay,
which holds octets back while the line is cut: neither end is told anything, neither socket closes.
A device that loses its power forgets its connection; the broker's end of it then stays open and
silent until the broker closes it by its keep-alive, or the line speaks again and the network, which
knows no such device any more, resets it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable

HOST = "127.0.0.1"
READ_OCTETS = 65_536

Delay = Callable[[int], float]
"""How long a packet of so many octets takes in one direction, in seconds."""


class MobileLine:
    """Relays from a loopback port to a broker.  TLS, where given, is spoken on the broker's side.

    A broker that is not there shows as a connection that closes at once.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        delay_s: Delay = lambda octets: 0.0,
    ) -> None:
        self.port = 0  # of the relay, once started
        self.trouble = ""  # why the last connection to the broker could not be made, or broke
        self._host, self._port, self._tls = host, port, tls
        self._delay_s = delay_s
        self._speaks = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._passages: set[_Passage] = set()

    async def start(self) -> None:
        """Listen; the line is cut at first."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        if not self._server.sockets:  # asyncio passes over a socket that cannot be had
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        assert self._server is not None
        self._server.close()
        for passage in list(self._passages):
            passage.close()
        await asyncio.gather(*(passage.task for passage in self._passages), return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Hold every octet back, in both directions."""
        self._speaks.clear()

    def restore(self) -> None:
        """Let through what was held, but reset what nobody on this side knows any more."""
        self._speaks.set()
        for passage in list(self._passages):
            if passage.forgotten:
                passage.close()

    def forget(self) -> None:
        """The device knows its connections no more: at its end they are gone at once."""
        for passage in list(self._passages):
            passage.forget(silently=not self._speaks.is_set())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        passage = _Passage(task, reader, writer)
        self._passages.add(passage)
        try:
            await self._speaks.wait()
            if not passage.forgotten:
                await passage.run(self._host, self._port, self._tls, self._speaks, self._delay_s)
        except OSError as error:  # the device hears of it by its closed socket
            self.trouble = str(error)
        except asyncio.CancelledError:
            pass  # closed by us
        finally:
            self._passages.discard(passage)
            passage.shut()


class _Passage:
    """One connection of the device, and the broker's end of it."""

    def __init__(
        self,
        task: asyncio.Task[None],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.task = task
        self.forgotten = False
        self._reader = reader
        self._writer = writer
        self._broker: asyncio.StreamWriter | None = None

    async def run(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        speaks: asyncio.Event,
        delay_s: Delay,
    ) -> None:
        """Relay until an end closes and the other may hear of it."""
        reader, self._broker = await asyncio.open_connection(host, port, ssl=tls)
        for writer in (self._writer, self._broker):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        down = asyncio.create_task(self._pump(reader, self._writer, speaks, delay_s))
        up = asyncio.create_task(self._pump(self._reader, self._broker, speaks, delay_s))
        try:
            ended, _ = await asyncio.wait({down, up}, return_when=asyncio.FIRST_COMPLETED)
            if self.forgotten:
                await down  # the broker has not closed its end yet
            for pump in ended:
                pump.result()
        finally:
            down.cancel()
            up.cancel()
            await asyncio.gather(down, up, return_exceptions=True)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        speaks: asyncio.Event,
        delay_s: Delay,
    ) -> None:
        while octets := await reader.read(READ_OCTETS):
            await speaks.wait()
            if (pause_s := delay_s(len(octets))) > 0:
                await asyncio.sleep(pause_s)
                await speaks.wait()
            if not self.forgotten:
                writer.write(octets)
                await writer.drain()
        if not self.forgotten:
            await speaks.wait()  # a closed socket is news, too

    def forget(self, *, silently: bool) -> None:
        """Close the device's end; the broker's too unless the line is silent."""
        self.forgotten = True
        self._writer.transport.abort()
        if not silently:
            self.close()

    def close(self) -> None:
        """Close both ends, and end the relay."""
        self.shut()
        self.task.cancel()

    def shut(self) -> None:
        """Close both ends."""
        self._writer.transport.abort()
        if self._broker is not None:
            self._broker.transport.abort()
