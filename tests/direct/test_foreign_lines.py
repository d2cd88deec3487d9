"""Another's meter on lines as they are: behind a pty without any sign-on, and with pauses."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.field.direct.access import Access, Credentials
from headend.field.direct.address import SerialAddress, TcpAddress
from headend.field.direct.conversation import Conversation, Opened
from headend.field.direct.line import Line
from headend.field.direct.serial_line import SerialLine
from headend.field.direct.tcp_line import TcpLine
from headend.field.direct.trace import Layer
from headend.models import Framing, Model
from protocols.dlms.values import DoubleLongUnsigned
from protocols.hdlc.settings import HdlcSettings
from tests.direct.test_foreign_meter import ENERGY, LOCAL, SECRET, shelf, simulator
from tests.dlms_engines.test_peer import peer

__all__ = ["peer"]  # a fixture

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("peer")]

PAUSE_MAX_S = 4.0
"""Meters are in use that pause so long between two frames (docs/framings.md)."""
SCALE = 10
"""By which the pause and what is waited for are both shortened here."""


def conversation(line: Line, model: Model, framing: Framing) -> Conversation:
    return Conversation(
        line,
        model,
        Access(b"", Credentials(password=SECRET)),
        clock=WallClock(),
        chance=SystemChance(),
        role="reader",
        framing=framing,
    )


@contextmanager
def on_a_pty(port: int, path: Path) -> Iterator[Path]:
    """A serial line whose far end is the port: socat's, not ours."""
    command = ["socat", f"pty,raw,echo=0,link={path},wait-slave", f"tcp:{LOCAL}:{port}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield path
        finally:
            process.terminate()


async def appeared(path: Path) -> None:
    async with asyncio.timeout(30):
        while not path.exists():
            await asyncio.sleep(0.01)


@pytest.mark.skipif(shutil.which("socat") is None, reason="socat is not installed")
async def test_a_meter_that_answers_no_sign_on_is_spoken_with_in_hdlc_at_once(
    peer: Path, tmp_path: Path
) -> None:
    kind = shelf(tmp_path).get("foreign")
    kind = msgspec.structs.replace(kind, mode_e=msgspec.structs.replace(kind.mode_e, retries=0))
    with (
        simulator(peer, Framing.HDLC, ciphers=False) as port,
        on_a_pty(port, tmp_path / "probe") as path,
    ):
        await appeared(path)
        line = SerialLine(SerialAddress(str(path)))
        async with conversation(line, kind, Framing.MODE_E) as talk:
            opened = await talk.open()
            assert isinstance(opened, Opened), opened
            assert opened.identified is None, "nobody identified itself"
            assert await talk.read(ENERGY) == (DoubleLongUnsigned(12345678),)
            sent = [e.octets for e in talk.trace.entries if e.layer is Layer.FRAME]
    assert sent[0] == b"/?!\r\n" and sent[1][0] == 0x7E


@asynccontextmanager
async def pausing(port: int, pause_s: float) -> AsyncIterator[int]:
    """A port that leads to the meter, and lets it rest before each thing that it says."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(LOCAL, port)

        async def down() -> None:
            while octets := await reader.read(4096):
                far_writer.write(octets)
            far_writer.close()

        async def up() -> None:
            while octets := await far_reader.read(4096):
                await asyncio.sleep(pause_s)
                writer.write(octets)
            writer.close()

        await asyncio.gather(down(), up(), return_exceptions=True)

    server = await asyncio.start_server(carry, LOCAL, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_meter_that_pauses_four_seconds_between_frames_is_waited_for(
    peer: Path, tmp_path: Path
) -> None:
    kind = shelf(tmp_path).get("foreign")
    assert kind.hdlc.response_timeout_s == HdlcSettings().response_timeout_s > PAUSE_MAX_S
    hdlc = msgspec.structs.replace(
        kind.hdlc, response_timeout_s=kind.hdlc.response_timeout_s / SCALE
    )
    kind = msgspec.structs.replace(kind, hdlc=hdlc)
    with simulator(peer, Framing.HDLC, ciphers=False) as port:
        async with pausing(port, PAUSE_MAX_S / SCALE) as slow:
            line = TcpLine(TcpAddress(LOCAL, slow))
            async with conversation(line, kind, Framing.HDLC) as talk:
                assert isinstance(await talk.open(), Opened)
                assert await talk.read(ENERGY) == (DoubleLongUnsigned(12345678),)
