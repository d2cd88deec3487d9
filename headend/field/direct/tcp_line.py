"""A line over TCP: to a meter, to the router before it, or from one that dialled in."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Literal

from headend.field.direct.address import TcpAddress
from headend.field.direct.line import LineLost, LineUnavailable
from protocols.link import SetLine

CONNECT_TIMEOUT_S = 15.0
"""A mobile router that sleeps takes some seconds to answer a SYN."""

WRITE_TIMEOUT_S = 30.0
"""How long a peer may leave what we send unread."""

READ_OCTETS = 65_536


class TcpLine:
    """Dials `address`; or `accepted` wraps a connection that came in."""

    kind: Literal["tcp"] = "tcp"
    setting: SetLine | None = None
    stream = True

    def __init__(
        self, address: TcpAddress, *, connect_timeout_s: float = CONNECT_TIMEOUT_S
    ) -> None:
        self._address = address
        self._connect_timeout_s = connect_timeout_s
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @classmethod
    def accepted(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> TcpLine:
        """A connection that the meter opened."""
        host, port = writer.get_extra_info("peername")[:2]
        line = cls(TcpAddress(host, port))
        line._reader, line._writer = reader, writer
        _at_once(writer)
        return line

    @property
    def name(self) -> str:
        return str(self._address)

    async def open(self) -> None:
        if self._writer is not None:
            return
        happened = f"{self.name} cannot be reached"
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                self._reader, self._writer = await asyncio.open_connection(
                    self._address.host, self._address.port
                )
        except TimeoutError as error:
            raise LineUnavailable(
                happened,
                f"no answer within {self._connect_timeout_s:g} s",
                "is the router on, and does its address still hold?",
            ) from error
        except socket.gaierror as error:
            raise LineUnavailable(
                happened,
                f"the name {self._address.host!r} is not known",
                "check its spelling, or give the IP address",
            ) from error
        except ConnectionRefusedError as error:
            raise LineUnavailable(
                happened,
                "the host is there, but nothing listens on that port",
                "check the port (DLMS uses 4059); the meter may serve another client just now",
            ) from error
        except (OSError, UnicodeError) as error:  # an IDN that cannot be written is a UnicodeError
            raise LineUnavailable(happened, _text(error), "check address and network") from error
        _at_once(self._writer)

    async def close(self) -> None:
        writer, self._reader, self._writer = self._writer, None, None
        if writer is None:
            return
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def write(self, octets: bytes) -> None:
        if self._writer is None:
            raise self._lost("it was closed")
        self._writer.write(octets)
        await self.drain()

    async def drain(self) -> None:
        if self._writer is None:
            raise self._lost("it was closed")
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._writer.drain()
        except TimeoutError as error:
            raise self._lost("the other end takes nothing any more") from error
        except OSError as error:
            raise self._lost(_text(error)) from error

    async def read(self) -> bytes:
        if self._reader is None:
            raise self._lost("it was closed")
        try:
            octets = await self._reader.read(READ_OCTETS)
        except OSError as error:
            raise self._lost(_text(error)) from error
        if not octets:
            raise self._lost("the other end hung up")
        return octets

    async def set_line(self, setting: SetLine) -> None:
        """Nothing: a serial server behind TCP keeps the speed it was configured with."""

    def _lost(self, why: str) -> LineLost:
        return LineLost(
            f"the connection with {self.name} broke",
            why,
            "try again; if it breaks each time, look at the signal or at the meter's client list",
        )


def _at_once(writer: asyncio.StreamWriter) -> None:
    """Small frames must not wait for others (Nagle), and a dead peer must be noticed some day."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _text(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
