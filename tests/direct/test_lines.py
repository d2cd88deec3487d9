"""Lines over real sockets and ptys: what they carry, and how they end."""

from __future__ import annotations

import asyncio
import os
import socket
import termios
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import serial

from devices.clock import wall_clock
from devices.gateway.meter_line import LiveMeter
from devices.gateway.tcp import MeterListener
from devices.gateway.udp import DatagramListener
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.field.direct import serial_line, tcp_line
from headend.field.direct.address import SerialAddress, TcpAddress, UdpAddress
from headend.field.direct.conversation import Conversation, Opened
from headend.field.direct.line import LineLost, LineUnavailable
from headend.field.direct.serial_line import SerialLine
from headend.field.direct.tcp_line import TcpLine
from headend.field.direct.udp_line import UdpLine
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import DoubleLongUnsigned
from protocols.link import Parity, SetLine
from tests.direct.bench import access, meter, model

pytestmark = pytest.mark.live

POWER = AttributeDescriptor(3, LogicalName("1.0.1.7.0.255"), 2)
LOCAL = "127.0.0.1"


async def exactly(line: SerialLine | TcpLine | UdpLine, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        octets += await line.read()
    return octets


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


# TCP.


@asynccontextmanager
async def server(serve, host: str = LOCAL) -> AsyncIterator[TcpAddress]:  # type: ignore[no-untyped-def]
    listening = await asyncio.start_server(serve, host, 0)
    try:
        yield TcpAddress(host, listening.sockets[0].getsockname()[1])
    finally:
        listening.close()
        await listening.wait_closed()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await reader.read(100):
        writer.write(octets)
    writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_tcp_carries_octets_at_once(host: str) -> None:
    try:
        socket.getaddrinfo(host, 1, socket.AF_INET6 if ":" in host else 0)
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else 2).close()
    except OSError:
        pytest.skip(f"{host} is no address of this machine")
    async with server(echo, host) as address:
        line = TcpLine(address)
        await line.open()
        await line.write(b"\x00\x01" * 500)
        assert await exactly(line, 1000) == b"\x00\x01" * 500
        assert line._writer is not None
        connection = line._writer.get_extra_info("socket")
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await line.close()
        await line.close()
        with pytest.raises(LineLost, match="it was closed"):
            await line.read()


async def test_tcp_that_is_hung_up_is_lost_after_what_came_before() -> None:
    async def farewell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"last words")
        writer.close()

    async with server(farewell) as address:
        line = TcpLine(address)
        await line.open()
        assert await exactly(line, 10) == b"last words"
        with pytest.raises(LineLost, match="the other end hung up.*Try: "):
            await line.read()
        await line.close()


async def test_a_cancelled_read_loses_nothing() -> None:
    async with server(echo) as address:
        line = TcpLine(address)
        await line.open()
        reading = asyncio.create_task(line.read())
        await asyncio.sleep(0)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        await line.write(b"abc")
        assert await exactly(line, 3) == b"abc"
        await line.close()


async def test_tcp_refused() -> None:
    with pytest.raises(LineUnavailable, match="nothing listens on that port. Try: check the port"):
        await TcpLine(TcpAddress(LOCAL, free_port())).open()


async def test_tcp_to_a_name_that_is_none() -> None:
    with pytest.raises(LineUnavailable, match="the name 'no.such.invalid' is not known"):
        await TcpLine(TcpAddress("no.such.invalid", 1)).open()


async def test_tcp_that_is_never_answered() -> None:
    with socket.socket() as full:
        full.bind((LOCAL, 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        for _ in range(4):  # fill the queue, so that a further SYN is dropped
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((LOCAL, port))
            waiting.append(client)
        with pytest.raises(LineUnavailable, match="no answer within 0.2 s"):
            await TcpLine(TcpAddress(LOCAL, port), connect_timeout_s=0.2).open()
        for client in waiting:
            client.close()


async def test_a_peer_that_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_line, "WRITE_TIMEOUT_S", 0.05)
    done = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await done.wait()
        writer.transport.abort()

    async with server(deaf) as address:
        line = TcpLine(address)
        await line.open()
        with pytest.raises(LineLost, match="takes nothing any more"):
            for _ in range(1000):
                await line.write(bytes(1 << 20))
        assert line._writer is not None
        line._writer.transport.abort()
        done.set()
        await line.close()


# UDP.


class _Reply(asyncio.DatagramProtocol):
    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for part in data.split(b"|"):
            self.transport.sendto(part, addr)


async def test_udp_keeps_datagrams_apart() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Reply, local_addr=(LOCAL, 0))
    line = UdpLine(UdpAddress(LOCAL, transport.get_extra_info("sockname")[1]))
    await line.open()
    await line.write(b"one|two|three")
    assert [await line.read() for _ in range(3)] == [b"one", b"two", b"three"]
    assert line.stream is False
    await line.close()
    transport.close()
    with pytest.raises(LineLost):
        await line.write(b"x")


async def test_udp_to_a_port_where_nobody_listens() -> None:
    line = UdpLine(UdpAddress(LOCAL, free_port(socket.SOCK_DGRAM)))
    await line.open()
    await line.write(b"hello")
    with pytest.raises(LineLost, match="nothing listens on that port"):
        await line.read()
    await line.close()


async def test_udp_to_a_name_that_is_none() -> None:
    with pytest.raises(LineUnavailable, match="is not known"):
        await UdpLine(UdpAddress("no.such.invalid", 1)).open()


# Serial.


@contextmanager
def pty() -> Iterator[tuple[int, str]]:
    """The file descriptor of the far end, and the device of ours."""
    far, near = os.openpty()
    try:
        yield far, os.ttyname(near)
    finally:
        os.close(near)
        with suppress(OSError):
            os.close(far)


async def far_reads(far: int, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        octets += await asyncio.to_thread(os.read, far, count - len(octets))
    return octets


@pytest.mark.parametrize("threaded", [False, True])
async def test_serial_carries_octets_both_ways(threaded: bool) -> None:
    everything = bytes(range(256)) * 20
    with pty() as (far, device):
        line = SerialLine(SerialAddress(device), threaded=threaded)
        await line.open()
        heard = asyncio.create_task(far_reads(far, len(everything)))
        await line.write(everything)
        await line.drain()
        assert await heard == everything
        sending = asyncio.create_task(asyncio.to_thread(os.write, far, everything[:3000]))
        assert await exactly(line, 3000) == everything[:3000]
        await sending
        await line.close()
        await line.close()
        with pytest.raises(LineLost, match="it was closed"):
            await line.write(b"x")


@pytest.mark.parametrize("threaded", [False, True])
async def test_an_unplugged_probe_is_told(threaded: bool) -> None:
    with pty() as (far, device):
        line = SerialLine(SerialAddress(device), threaded=threaded)
        await line.open()
        reading = asyncio.create_task(line.read())
        await asyncio.sleep(0)
        os.close(far)
        with pytest.raises(LineLost, match="went away: .*Try: plug it in again"):
            await reading
        await line.close()


async def test_the_line_changes_speed_and_size() -> None:
    with pty() as (_, device):
        line = SerialLine(SerialAddress(device, SetLine(300, 7, Parity.EVEN)))
        await line.open()
        port = line._port
        assert (port.baudrate, line._seven_bits) == (300, True)
        await line.set_line(SetLine(9600))
        assert (port.baudrate, port.bytesize, port.parity) == (9600, 8, "N")
        speed = termios.tcgetattr(port.fileno())[4]
        assert (speed, line._seven_bits) == (termios.B9600, False)
        await line.close()


async def test_seven_bits_drop_the_parity_that_a_pty_lets_through() -> None:
    with pty() as (far, device):
        line = SerialLine(SerialAddress(device, SetLine(300, 7, Parity.EVEN)))
        await line.open()
        os.write(far, bytes([0xAF, 0x41, 0x8D]))
        assert await exactly(line, 3) == b"/A\r"
        await line.write(b"/A\r")
        assert await far_reads(far, 3) == b"/A\r", "there is no wire, so no parity"
        await line.close()


async def test_a_driver_without_parity_gets_it_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_line, "PTY_PREFIX", "/nowhere")  # as if it were a converter
    with pty() as (far, device):
        line = SerialLine(SerialAddress(device, SetLine(300, 7, Parity.EVEN)))
        await line.open()
        await line.write(b"/?!\r\n")
        assert await far_reads(far, 5) == bytes.fromhex("AF3F218D0A")
        await line.set_line(SetLine(9600))
        await line.write(b"\x7e\xa0")
        assert await far_reads(far, 2) == b"\x7e\xa0"
        await line.close()


async def test_a_port_is_ours_alone() -> None:
    with pty() as (_, device):
        line = SerialLine(SerialAddress(device))
        await line.open()
        with pytest.raises(LineUnavailable, match="another program uses it"):
            await SerialLine(SerialAddress(device)).open()
        await line.close()
        other = SerialLine(SerialAddress(device))
        await other.open()
        await other.close()


NO_PORTS = {
    "/dev/nowhere": "there is no such port. Try: plug the probe in; ports present: ",
    "/dev/null": "check that this is the probe's serial port",
    "/tmp": "cannot be opened",
}


@pytest.mark.parametrize("device", NO_PORTS)
async def test_what_is_no_port(device: str) -> None:
    with pytest.raises(LineUnavailable) as told:
        await SerialLine(SerialAddress(device)).open()
    assert NO_PORTS[device] in str(told.value)


@pytest.mark.parametrize(("code", "told"), [(13, "may not use it. Try: sudo usermod -aG dialout")])
async def test_a_port_that_may_not_be_used(
    code: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object) -> None:
        raise serial.SerialException(code, "denied")

    monkeypatch.setattr(serial.Serial, "open", refuse)
    with pytest.raises(LineUnavailable, match=told.replace(".", r"\.")):
        await SerialLine(SerialAddress("/dev/null")).open()


# A whole conversation.


async def talks(line: TcpLine | SerialLine | UdpLine) -> None:
    device = meter()
    talk = Conversation(
        line,
        model(),
        access(device, "management"),
        role="management",
        clock=WallClock(),
        chance=SystemChance(),
    )
    async with talk:
        opened = await talk.open()
        assert isinstance(opened, Opened), opened
        assert await talk.read(POWER) == (DoubleLongUnsigned(2000),)


async def test_a_conversation_over_tcp() -> None:
    async with LiveMeter(meter(), now=wall_clock) as live, MeterListener(live) as listener:
        host, port = await listener.listen(LOCAL, 0)
        await talks(TcpLine(TcpAddress(host, port)))


async def test_a_conversation_in_datagrams() -> None:
    async with LiveMeter(meter(), now=wall_clock) as live, DatagramListener(live) as listener:
        host, port = await listener.listen(LOCAL, 0)
        line = UdpLine(UdpAddress(host, port))
        await line.open()
        # A datagram of somebody else's making spoils nothing.
        line._arrivals.put(b"noise")
        await talks(line)


@pytest.mark.requires("socat")
async def test_a_serial_server_made_by_socat(tmp_path: Path) -> None:
    """A pty that leads to a meter on TCP, as a serial server would: here by the wrapper."""
    async with LiveMeter(meter(), now=wall_clock) as live, MeterListener(live) as listener:
        host, port = await listener.listen(LOCAL, 0)
        device = tmp_path / "probe"
        socat = await asyncio.create_subprocess_exec(
            "socat", f"pty,raw,echo=0,link={device}", f"tcp:{host}:{port}"
        )
        try:
            while not device.exists():
                await asyncio.sleep(0.01)
            line = SerialLine(SerialAddress(str(device)))
            by_wire = model()
            talk = Conversation(
                line,
                by_wire,
                access(meter(), "management"),
                role="management",
                clock=WallClock(),
                chance=SystemChance(),
                framing=by_wire.framings.tcp[0],
            )
            async with talk:
                opened = await talk.open()
                assert isinstance(opened, Opened), opened
                assert await talk.read(POWER) == (DoubleLongUnsigned(2000),)
        finally:
            if socat.returncode is None:
                socat.terminate()
            await socat.wait()
