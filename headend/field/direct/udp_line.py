"""A line of datagrams: the wrapper over UDP, one whole frame in each (IEC 62056-47, 5.3)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Literal

from headend.field.direct.address import UdpAddress
from headend.field.direct.line import Arrivals, LineLost, LineUnavailable
from protocols.link import SetLine

WAITING_OCTETS_MAX = 1 << 20
"""Datagrams that come while this much waits to be read are dropped, as a network would."""


class UdpLine:
    """Speaks with `address` only; datagrams of others do not reach it."""

    kind: Literal["udp"] = "udp"
    setting: SetLine | None = None
    stream = False

    def __init__(self, address: UdpAddress) -> None:
        self._address = address
        self._transport: asyncio.DatagramTransport | None = None
        self._arrivals = Arrivals(WAITING_OCTETS_MAX)

    @property
    def name(self) -> str:
        return str(self._address)

    async def open(self) -> None:
        if self._transport is not None:
            return
        self._arrivals = Arrivals(WAITING_OCTETS_MAX)
        loop = asyncio.get_running_loop()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self._arrivals, self._refused),
                remote_addr=(self._address.host, self._address.port),
            )
        except (OSError, UnicodeError) as error:
            known = not isinstance(error, socket.gaierror)
            raise LineUnavailable(
                f"{self.name} cannot be reached",
                str(error) if known else f"the name {self._address.host!r} is not known",
                "check address and network" if known else "give the IP address",
            ) from error

    async def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    async def write(self, octets: bytes) -> None:
        if self._transport is None:
            raise LineLost(f"{self.name} is closed", "it was closed", "open it again")
        self._arrivals.check()
        self._transport.sendto(octets)

    async def drain(self) -> None:
        """Nothing: a datagram leaves at once or never."""

    async def read(self) -> bytes:
        return await self._arrivals.take(one=True)

    async def set_line(self, setting: SetLine) -> None:
        """Nothing: datagrams have no speed."""

    def _refused(self, error: Exception | None) -> LineLost:
        return LineLost(
            f"{self.name} takes no datagrams",
            "nothing listens on that port" if error is not None else "the socket was closed",
            "check the port (DLMS uses 4059), or whether this meter speaks TCP only",
        )


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, arrivals: Arrivals, refused: Callable[[Exception | None], LineLost]) -> None:
        self._arrivals = arrivals
        self._refused = refused

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data and not self._arrivals.full:
            self._arrivals.put(data)

    def error_received(self, exc: Exception) -> None:
        self._arrivals.end(self._refused(exc))

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrivals.end(self._refused(exc))
