"""A client of many meters on TCP, and `ami field` as a process to be a client of."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from devices.meter.identity import MANAGEMENT_CLIENT, Identity, client_system_title
from protocols import wrapper
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.events import Associated, Released
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    ReleaseRequest,
)
from protocols.dlms.settings import ClientSettings
from tests.house.source import ROOT

NAME = AttributeDescriptor(1, LogicalName("0.0.42.0.0.255"), 2)
ENERGY = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)

WITHIN_S = 180.0


class Caller:
    """One connection, to one meter or to a street of them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.heard = 0
        """The meter's next counter, as of the last message that was read."""

    async def read(
        self, seed: int, index: int, *, device: int = 1, counter: int = 1, lowest: int = 0
    ) -> str:
        """Open, read name and energy, release; the name that the meter gave."""
        identity = Identity(seed, index)
        client = ClientConnection(
            ClientSettings(
                authentication=AuthenticationMechanism.HIGH_GMAC,
                keys=identity.keys(MANAGEMENT_CLIENT),
                system_title=client_system_title(seed, MANAGEMENT_CLIENT),
                peer_system_title=identity.system_title,
                security=Security.AUTHENTICATED_ENCRYPTED,
                invocation_counter=counter,
                peer_invocation_counter=lowest,
                challenge=b"of sixteen bytes",
            )
        )
        assert isinstance(await self._say(client, AssociationRequest(), device), Associated)
        read = await self._say(client, GetRequest.of(NAME, ENERGY), device)
        assert isinstance(read, GetResponse), read
        name, energy = read.results
        assert isinstance(name, bytes) and isinstance(energy, int) and int(energy) > 0
        assert isinstance(await self._say(client, ReleaseRequest(), device), Released)
        self.heard = client.peer_invocation_counter
        return name.decode("ascii")

    async def _say(
        self,
        client: ClientConnection,
        message: AssociationRequest | GetRequest | ReleaseRequest,
        device: int,
    ) -> object:
        out: bytes | None = client.send(message, now=0.0)
        while out is not None:
            self._writer.write(wrapper.encode(MANAGEMENT_CLIENT, device, out))
            header = await self._reader.readexactly(wrapper.HEADER_SIZE)
            octets = header + await self._reader.readexactly(int.from_bytes(header[6:], "big"))
            (frame,) = wrapper.Decoder().feed(octets)
            assert (frame.source, frame.destination) == (device, MANAGEMENT_CLIENT)
            client.receive_data(frame.apdu, now=0.0)
            out = client.data_to_send()
        return client.next_event()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def call(port: int) -> Caller:
    return Caller(*await asyncio.open_connection("127.0.0.1", port))


@asynccontextmanager
async def running(
    *arguments: str, ends_with: signal.Signals = signal.SIGTERM
) -> AsyncIterator[dict[str, Any]]:
    """`ami field` as a process; what it told when it was up."""
    program = "from tools.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        "field",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(WITHIN_S):
            line = await process.stdout.readline()
        yield {**json.loads(line), "pid": process.pid}
    finally:
        process.send_signal(ends_with)
        async with asyncio.timeout(WITHIN_S):
            assert await process.wait() == (0 if ends_with is signal.SIGTERM else -ends_with)
