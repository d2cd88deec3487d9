"""One simulated meter on a UDP port: a datagram is an APDU in its wrapper (IEC 62056-47).

Each client's address has a line of its own, and with it associations of its own; the one that was
silent for longest makes room for a new one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import partial
from types import TracebackType

from devices.gateway.meter_line import AT_ONCE, LiveMeter, MeterLine
from devices.gateway.outflow import Pace
from protocols.wrapper.link import WrapperServer

CLIENTS_MAX = 32
"""Addresses that are remembered at once."""

Address = tuple[str, int]


class DatagramListener(asyncio.DatagramProtocol):
    """Serves a meter on UDP while the context is open."""

    def __init__(self, live: LiveMeter, *, pace: Pace = AT_ONCE) -> None:
        self._live = live
        self._pace = pace
        self._transport: asyncio.DatagramTransport | None = None
        self._lines: OrderedDict[Address, MeterLine] = OrderedDict()

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and tell the address; port 0 takes a free one.  Raises OSError."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(host, port)
        )
        address = self._transport.get_extra_info("sockname")
        return str(address[0]), int(address[1])

    async def __aenter__(self) -> DatagramListener:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._transport is not None:
            self._transport.close()
        while self._lines:
            self._lines.popitem()[1].close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Answer one datagram."""
        line = self._lines.get(addr)
        if line is None:
            if len(self._lines) >= CLIENTS_MAX:
                self._lines.popitem(last=False)[1].close()
            transmit = partial(self._transmit, addr)
            link = WrapperServer(datagrams=True)
            line = MeterLine(self._live, link, transmit, pace=self._pace)
            self._lines[addr] = line
        self._lines.move_to_end(addr)
        line.receive(data)

    def error_received(self, exc: Exception) -> None:
        """A client's port is closed: whoever asks there asks again."""

    def _transmit(self, address: Address, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(octets, address)
