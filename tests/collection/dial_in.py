"""A simulated meter that calls the head-end, and a head-end that listens, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devices.clock import wall_clock
from devices.gateway.meter_line import LiveMeter, MeterLine
from devices.meter.device import Meter as Device
from headend.app.head_end import HeadEnd
from headend.app.serving import Running, serving
from headend.config import Config, DirectPolicy, KeyStorage, Mqtt, Soap
from headend.domain.meter import DIALS_IN, Meter
from protocols.hdlc.server import HdlcServer
from protocols.link import ServerLink
from protocols.wrapper.link import WrapperServer
from tests import databases

LOCAL = "127.0.0.1"


@dataclass(slots=True)
class Bench:
    head_end: HeadEnd
    port: int
    running: Running


def policy(**changes: object) -> DirectPolicy:
    """Short patience, because nobody in a test needs long."""
    values: dict[str, object] = {
        "listen_port": 0,
        "hello_s": 0.05,
        "framing_s": 20.0,
        "identify_s": 60.0,
        "call_wait_s": 0.05,
        **changes,
    }
    return DirectPolicy(**values)  # type: ignore[arg-type]


@asynccontextmanager
async def head_end(tmp_path: Path, direct: DirectPolicy) -> AsyncIterator[Bench]:
    envelope = tmp_path / "envelope"
    envelope.write_text("ab" * 64)
    config = Config(
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=databases.at(tmp_path / "legacy.db"),
        soap=Soap(port=0),
        mqtt=Mqtt(),
        keys=KeyStorage(envelope_file=envelope),
        direct=direct,
    )
    async with serving(config) as running:
        assert running.meters_port is not None
        yield Bench(running.head_end, running.meters_port, running)


async def register(bench: Bench, device: Device, **changes: object) -> str:
    """Enter a meter that calls, with its keys; its name."""
    name = str(changes.pop("name", device.identity.number))
    values: dict[str, object] = {
        "commissioned": True,
        "model": "sim-3p",
        "address": DIALS_IN,
        "title": device.identity.system_title.hex().upper(),
        **changes,
    }
    await bench.head_end.register([], [Meter(name, **values)])  # type: ignore[arg-type]
    vault = bench.head_end.ground.vault
    assert vault is not None
    for client in (1, 6):
        await vault.install(name, client, device.identity.keys(client))
    return name


@asynccontextmanager
async def calling(
    device: Device, port: int, make: Callable[[], ServerLink] = WrapperServer, hello: bytes = b""
) -> AsyncIterator[asyncio.Event]:
    """The meter's connection to the head-end, for as long as the context lasts.  The event tells
    that the head-end hung up."""
    async with LiveMeter(device, now=wall_clock) as live:
        reader, writer = await asyncio.open_connection(LOCAL, port)
        line = MeterLine(live, make(), writer.write)
        writer.write(hello)
        hung_up = asyncio.Event()

        async def serve() -> None:
            with suppress(OSError):
                while octets := await reader.read(4096):
                    line.receive(octets)
            hung_up.set()

        serving_ = asyncio.create_task(serve())
        try:
            yield hung_up
        finally:
            serving_.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await serving_
            line.close()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def connected(bench: Bench, *names: str) -> None:
    """Wait until exactly these meters' lines are kept."""
    listening = bench.head_end.reaching.listening
    assert listening is not None
    while listening.connected != tuple(sorted(names)):
        await asyncio.sleep(0.005)


FRAMINGS: dict[str, Callable[[], ServerLink]] = {"wrapper": WrapperServer, "hdlc": HdlcServer}
