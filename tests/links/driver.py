"""A client's end of a real line, on the live loop: TCP, UDP or a tty."""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from devices.meter.device import Meter
from protocols.dlms.apdu import Apdu
from protocols.dlms.client import ClientConnection
from protocols.dlms.events import Event
from protocols.dlms.services import (
    ActionRequest,
    AssociationRequest,
    GetRequest,
    ReleaseRequest,
    SetRequest,
)
from protocols.link import ApduReceived, ClientLink, LinkDown, LinkEvent, LinkUp, SetLine
from protocols.sans_io import NEED_DATA
from tests.meter.conversation import client_settings

STEP_TIMEOUT_S = 30.0  # ends a test that hangs; none comes near it
Message = AssociationRequest | GetRequest | SetRequest | ActionRequest | ReleaseRequest


class Driver:
    """Moves octets, obeys deadlines and settings."""

    def __init__(
        self,
        link: ClientLink,
        write: Callable[[bytes], None],
        set_line: Callable[[SetLine], None] = lambda line: None,
    ) -> None:
        self.link = link
        self.events: list[LinkEvent] = []
        self._write, self._set_line = write, set_line
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._told = asyncio.Event()
        self._read = 0

    def receive(self, octets: bytes) -> None:
        self.link.receive_data(octets, now=self._loop.time())
        self.settle()

    def settle(self) -> None:
        while True:
            while (octets := self.link.data_to_send()) is not None:
                self._write(octets)
            event = self.link.next_event()
            if event is NEED_DATA:
                break
            self.events.append(event)
            if isinstance(event, SetLine):
                self._set_line(event)
        self._told.set()
        if self._timer is not None:
            self._timer.cancel()
        due = self.link.next_deadline()
        self._timer = None if due is None else self._loop.call_at(due, self._wake, due)

    def _wake(self, due: float) -> None:
        self.link.handle_deadline(now=max(due, self._loop.time()))
        self.settle()

    async def until(self, *kinds: type) -> LinkEvent:
        """The next event of these kinds."""
        async with asyncio.timeout(STEP_TIMEOUT_S):
            while True:
                while self._read < len(self.events):
                    self._read += 1
                    if isinstance(self.events[self._read - 1], kinds):
                        return self.events[self._read - 1]
                self._told.clear()
                await self._told.wait()

    async def connect(self) -> LinkEvent:
        self.link.connect(now=self._loop.time())
        self.settle()
        return await self.until(LinkUp, LinkDown)

    async def disconnect(self) -> LinkEvent:
        self.link.disconnect(now=self._loop.time())
        self.settle()
        return await self.until(LinkDown)

    async def ask(self, apdu: bytes) -> bytes:
        self.link.send(apdu, now=self._loop.time())
        self.settle()
        answer = await self.until(ApduReceived, LinkDown)
        assert isinstance(answer, ApduReceived), answer
        return answer.apdu

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Association:
    """A client's association over a link that is up."""

    def __init__(self, device: Meter, sap: int, driver: Driver) -> None:
        self._driver = driver
        counter = device.counters(sap)[1]
        self._connection = ClientConnection(
            client_settings(device, device.clients[sap], counter=counter)
        )

    def sealed(self, apdu: Apdu) -> bytes:
        """An APDU that the connection would not say by itself, protected like its own."""
        return self._connection._pack(apdu)

    async def say(self, message: Message) -> Event:
        """Send it; the first event that comes of it."""
        out: bytes | None = self._connection.send(message, now=0.0)
        while True:
            assert out is not None
            self._connection.receive_data(await self._driver.ask(out), now=0.0)
            event = self._connection.next_event()
            if event is not NEED_DATA:
                return event  # type: ignore[return-value]
            out = self._connection.data_to_send()


@asynccontextmanager
async def over_tcp(link: ClientLink, host: str, port: int) -> AsyncIterator[Driver]:
    reader, writer = await asyncio.open_connection(host, port)
    driver = Driver(link, writer.write)

    async def pump() -> None:
        while octets := await reader.read(50):  # small pieces, so frames come cut
            driver.receive(octets)
        link.lost(now=0.0)
        driver.settle()

    task = asyncio.create_task(pump())
    try:
        yield driver
    finally:
        driver.close()
        task.cancel()
        writer.close()


@asynccontextmanager
async def over_udp(link: ClientLink, host: str, port: int) -> AsyncIterator[Driver]:
    class Datagrams(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            driver.receive(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Datagrams, remote_addr=(host, port))
    driver = Driver(link, transport.sendto)
    try:
        yield driver
    finally:
        driver.close()
        transport.close()


@asynccontextmanager
async def over_tty(link: ClientLink, path: Path) -> AsyncIterator[Driver]:
    port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(port)

    def set_line(line: SetLine) -> None:
        settings = termios.tcgetattr(port)
        settings[4] = settings[5] = getattr(termios, f"B{line.baud}")
        termios.tcsetattr(port, termios.TCSADRAIN, settings)

    driver = Driver(link, lambda octets: os.write(port, octets) and None, set_line)
    loop = asyncio.get_running_loop()
    loop.add_reader(port, lambda: driver.receive(os.read(port, 4096)))
    try:
        yield driver
    finally:
        driver.close()
        loop.remove_reader(port)
        os.close(port)
