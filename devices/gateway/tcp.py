"""One simulated meter on a TCP port, for any DLMS client, by the wrapper (IEC 62056-47).

Each connection has associations of its own, as if each were a link of the meter; one meter is
behind them all, so what one client switches another sees.  For the live loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from devices.meter.device import Meter
from devices.meter.server import Endpoint
from protocols import wrapper

CONNECTIONS_MAX = 32
"""Open at once; one more is closed at once, as a meter's small stack does."""

IDLE_TIMEOUT_S = 300.0
"""A connection on which nothing comes is closed; associations on it end sooner."""

WRITE_TIMEOUT_S = 30.0
"""A client that does not read is dropped."""

FRAME_LENGTH_MAX = 8192
"""Octets of one APDU that are waited for; the meter itself takes shorter ones only."""

READ_OCTETS = 4096


class MeterListener:
    """Serves a meter on TCP while the context is open.

    async with MeterListener(meter, now=wall_clock) as listener:
        host, port = await listener.listen("127.0.0.1", 0)
    """

    def __init__(self, meter: Meter, *, now: Callable[[], float]) -> None:
        self._meter = meter
        self._now = now  # POSIX seconds UTC
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and tell the address; port 0 takes a free one.  Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port)
        address = self._server.sockets[0].getsockname()
        self._arm()
        return str(address[0]), int(address[1])

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    async def __aenter__(self) -> MeterListener:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()  # without waiting for a client that does not read
            while self._open:
                await asyncio.sleep(0)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS_MAX:
            writer.close()
            return
        self._open.add(writer)
        link = self._meter.open_link()
        try:
            await self._converse(reader, writer, link)
        except (OSError, TimeoutError, wrapper.BrokenStream):
            pass  # the client is gone, asleep, or speaks something else: nothing to tell it
        finally:
            self._meter.close_link(link)
            self._open.discard(writer)
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Endpoint
    ) -> None:
        decoder = wrapper.Decoder(FRAME_LENGTH_MAX)
        while True:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                octets = await reader.read(READ_OCTETS)
            if not octets:
                return
            for frame in decoder.feed(octets):
                ends = {"client": frame.source, "server": frame.destination}
                for answer in self._meter.take(frame.apdu, link, now=self._now(), **ends):
                    writer.write(wrapper.encode(frame.destination, frame.source, answer))
            self._arm()
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await writer.drain()

    def _arm(self) -> None:
        """Wake the meter when it has something to do by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._meter.next_deadline()
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(due - self._now(), 0.0), self._wake)

    def _wake(self) -> None:
        self._meter.advance(self._now())
        self._arm()
