"""One meter behind each kind of line: TCP, UDP and ptys; wrapper, HDLC and mode E."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices.clock import wall_clock
from devices.gateway.lines import Framing, Line, Opened, PtyLine, TcpLine, UdpLine
from devices.gateway.meter_line import LiveMeter
from devices.gateway.outflow import Pace
from devices.gateway.pty import UNTOUCHED_BAUD
from devices.gateway.push_carrier import HDLC, TCP, UDP
from devices.gateway.udp import CLIENTS_MAX
from devices.meter import models
from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.device import Meter
from devices.meter.faults import FAULTS
from devices.meter.identity import (
    MANAGEMENT_CLIENT,
    PUBLIC_CLIENT,
    PUSH_CLIENT,
    READER_CLIENT,
    Identity,
)
from devices.meter.load import ConstantLoad
from devices.meter.push import PushDesk
from protocols import wrapper
from protocols.dlms.apdu import SetRequestNormal
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.events import Associated, Released
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    MethodDescriptor,
    ReleaseRequest,
    SetRequest,
    SetResponse,
)
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    Enum,
    Integer,
    Long,
    OctetString,
    Structure,
)
from protocols.hdlc.address import ServerAddress, encode_client
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.frame import Frame, Kind, encode, unnumbered_control
from protocols.hdlc.segments import LLC_COMMAND
from protocols.hdlc.settings import HdlcSettings
from protocols.link import (
    ApduReceived,
    Down,
    Identified,
    LinkDown,
    LinkUp,
    LinkViolation,
    SetLine,
)
from protocols.mode_e.client import ModeEClient
from protocols.mode_e.settings import ModeESettings
from protocols.wrapper.link import WrapperClient
from tests.links.driver import Association, Driver, over_tcp, over_tty, over_udp
from tools.meter.command import app, known_faults, meter_of

pytestmark = pytest.mark.live

POWER = AttributeDescriptor(3, LogicalName("1.0.1.7.0.255"), 2)
ZONE = AttributeDescriptor(8, LogicalName("0.0.1.0.0.255"), 3)
OBJECTS = AttributeDescriptor(15, LogicalName("0.0.40.0.0.255"), 2)
QUICK = HdlcSettings(response_timeout_s=0.05, retries=1)
NOBODY = ModeESettings(identification_timeout_s=0.05, retries=0, fallback=None)


def meter() -> Meter:
    return Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500))


@asynccontextmanager
async def listening(device: Meter, *lines: Line) -> AsyncIterator[list[Opened]]:
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(LiveMeter(device, now=wall_clock))
        yield [await line.open(stack, live) for line in lines]


async def reads_all(device: Meter, sap: int, driver: Driver) -> None:
    """Associate, read a register and a long list, release."""
    association = Association(device, sap, driver)
    assert isinstance(await association.say(AssociationRequest()), Associated)
    power = await association.say(GetRequest.of(POWER))
    assert power == GetResponse.of(DoubleLongUnsigned(2000))
    objects = await association.say(GetRequest.of(OBJECTS))
    assert isinstance(objects, GetResponse)
    assert isinstance(objects.results[0], Array)
    assert isinstance(await association.say(ReleaseRequest()), Released)


HDLC_CLIENTS = {
    "defaults": (None, None),
    "large frames and a window": (None, HdlcSettings(512, 512, 3, 3)),
    "a physical address": (ServerAddress(1, 17), None),
    "in four octets": (ServerAddress(1, 17, 4), HdlcSettings(2030, 2030, 7, 7)),
}


@pytest.mark.parametrize(("server", "settings"), HDLC_CLIENTS.values(), ids=HDLC_CLIENTS)
async def test_hdlc_over_tcp(server: ServerAddress | None, settings: HdlcSettings | None) -> None:
    device = meter()
    async with listening(device, TcpLine("127.0.0.1", 0, Framing.HDLC)) as (where,):
        link = HdlcClient(MANAGEMENT_CLIENT, server, settings)
        async with over_tcp(link, where.host, where.port) as driver:
            assert await driver.connect() == LinkUp(MANAGEMENT_CLIENT, 1)
            await reads_all(device, MANAGEMENT_CLIENT, driver)
            ended = await driver.disconnect()
            assert ended == LinkDown(Down.REQUESTED, "", MANAGEMENT_CLIENT)
    assert not [event for event in driver.events if isinstance(event, LinkViolation)]


@pytest.mark.parametrize("kind", [Kind.UI, Kind.I], ids=["in a UI frame", "in an I frame"])
async def test_an_unconfirmed_set_over_hdlc_is_done_without_an_answer(kind: Kind) -> None:
    device = meter()
    async with listening(device, TcpLine("127.0.0.1", 0, Framing.HDLC)) as (where,):
        link = HdlcClient(MANAGEMENT_CLIENT)
        async with over_tcp(link, where.host, where.port) as driver:
            await driver.connect()
            association = Association(device, MANAGEMENT_CLIENT, driver)
            assert isinstance(await association.say(AssociationRequest()), Associated)
            wire = association.sealed(SetRequestNormal(0x01, ZONE, Long(77)))
            if kind is Kind.UI:
                own, meters = encode_client(MANAGEMENT_CLIENT), ServerAddress(1).encode()
                control = unnumbered_control(Kind.UI, poll=False)
                driver._write(encode(Frame(meters, own, control, LLC_COMMAND + wire)))
            else:
                driver.link.send(wire, now=driver._loop.time())
                driver.settle()
            before = len(driver.events)
            zone = await association.say(GetRequest.of(ZONE))
            assert zone == GetResponse.of(Long(77))
            heard = [e for e in driver.events[before:] if isinstance(e, ApduReceived)]
            assert len(heard) == 1, "the answer to the GET and no other"


async def test_wrapper_over_udp() -> None:
    device = meter()
    async with listening(device, UdpLine("127.0.0.1", 0)) as (where,):
        links = [WrapperClient(sap, datagrams=True) for sap in (MANAGEMENT_CLIENT, READER_CLIENT)]
        async with (
            over_udp(links[0], where.host, where.port) as manager,
            over_udp(links[1], where.host, where.port) as reader,
        ):
            await manager.connect()
            await reader.connect()
            await reads_all(device, MANAGEMENT_CLIENT, manager)
            await reads_all(device, READER_CLIENT, reader)


async def test_datagrams_that_are_none_harm_nobody() -> None:
    device = meter()
    async with listening(device, UdpLine("127.0.0.1", 0)) as (where,):
        link = WrapperClient(READER_CLIENT, datagrams=True)
        async with over_udp(link, where.host, where.port) as driver:
            await driver.connect()
            for noise in (b"", b"GET / HTTP/1.1", b"\0\1\0\x10\0\1\xff\xff\xc0", b"\0\1\0"):
                driver._write(noise)
            await reads_all(device, READER_CLIENT, driver)


async def test_more_datagram_clients_than_are_remembered() -> None:
    device = meter()
    async with (
        listening(device, UdpLine("127.0.0.1", 0)) as (where,),
        AsyncExitStack() as stack,
    ):
        for _ in range(CLIENTS_MAX + 2):
            link = WrapperClient(PUBLIC_CLIENT, datagrams=True)
            over = over_udp(link, where.host, where.port)
            driver = await stack.enter_async_context(over)
            await driver.connect()
            association = Association(device, PUBLIC_CLIENT, driver)
            assert isinstance(await association.say(AssociationRequest()), Associated)
        assert len(device._links) == CLIENTS_MAX


async def test_all_lines_lead_to_one_meter(tmp_path: Path) -> None:
    device = meter()
    lines = (
        TcpLine("127.0.0.1", 0),
        TcpLine("127.0.0.1", 0, Framing.HDLC),
        UdpLine("127.0.0.1", 0),
        PtyLine(tmp_path / "pty", Framing.HDLC),
    )
    async with listening(device, *lines) as (wrapper, hdlc, udp, pty):
        async with (
            over_tcp(WrapperClient(READER_CLIENT), wrapper.host, wrapper.port) as one,
            over_tcp(HdlcClient(READER_CLIENT), hdlc.host, hdlc.port) as two,
            over_udp(WrapperClient(READER_CLIENT, datagrams=True), udp.host, udp.port) as three,
            over_tty(HdlcClient(READER_CLIENT), Path(pty.path)) as four,
        ):
            for driver in (one, two, three, four):
                await driver.connect()
                await reads_all(device, READER_CLIENT, driver)
    assert device.next_deadline() is None
    assert device._links == ()


# --- ptys -----------------------------------------------------------------------------------------

PTYS = {
    # name: how the line is
    "as it is": {},
    "echoing": {"echo": True},
    "without the mark of mode E": {"plain_identification": True},
    "at a line's pace": {"pace": Pace(airtime=True)},
}


@pytest.mark.parametrize("line", PTYS.values(), ids=PTYS)
async def test_mode_e_on_a_pty(line: dict, tmp_path: Path) -> None:
    device = meter()
    path = tmp_path / "probe"
    async with listening(device, PtyLine(path, **line)) as (where,):
        assert path.is_symlink() and where.path == str(path)
        link = ModeEClient(PUBLIC_CLIENT, hdlc=HdlcSettings(512, 512))
        async with over_tty(link, path) as driver:
            assert await driver.connect() == LinkUp(PUBLIC_CLIENT, 1)
            (identified,) = [each for each in driver.events if isinstance(each, Identified)]
            assert identified.identification == device.identity.number
            assert identified.mode_e is not line.get("plain_identification", False)
            assert link.echoing is line.get("echo", False)
            association = Association(device, PUBLIC_CLIENT, driver)
            assert isinstance(await association.say(AssociationRequest()), Associated)
            assert (await driver.disconnect()) == LinkDown(Down.REQUESTED, "", PUBLIC_CLIENT)
        settings = [each for each in driver.events if isinstance(each, SetLine)]
        assert [each.baud for each in settings] == [300, 9600]
    assert not path.is_symlink()


async def test_after_a_session_the_meter_is_at_its_sign_on(tmp_path: Path) -> None:
    device = meter()
    async with listening(device, PtyLine(tmp_path / "probe")):
        link = ModeEClient(READER_CLIENT)
        async with over_tty(link, tmp_path / "probe") as driver:
            for _ in range(2):
                assert await driver.connect() == LinkUp(READER_CLIENT, 1)
                assert isinstance(await driver.disconnect(), LinkDown)


async def test_associations_end_with_their_hdlc_link(tmp_path: Path) -> None:
    device = meter()
    async with listening(device, PtyLine(tmp_path / "pty", Framing.HDLC)):
        async with over_tty(HdlcClient(READER_CLIENT), tmp_path / "pty") as driver:
            await driver.connect()
            association = Association(device, READER_CLIENT, driver)
            assert isinstance(await association.say(AssociationRequest()), Associated)
            assert device.next_deadline() is not None
            await driver.disconnect()
            assert device.next_deadline() is None


@pytest.mark.parametrize("baud", [2400, 19200])
async def test_another_speed_than_the_meters_is_garbage_both_ways(
    baud: int, tmp_path: Path
) -> None:
    line = PtyLine(tmp_path / "pty", Framing.HDLC, baud=9600, echo=True)
    async with listening(meter(), line):
        link = HdlcClient(READER_CLIENT, ServerAddress(1, 17), QUICK)
        async with over_tty(link, tmp_path / "pty") as driver:
            driver._set_line(SetLine(baud))
            ended = await driver.connect()
            assert isinstance(ended, LinkDown)
            assert ended.reason is Down.NO_ANSWER
            assert link.echoes == 2, "an echo comes back at whatever speed"
            driver._set_line(SetLine(9600))
            assert await driver.connect() == LinkUp(READER_CLIENT, 1)


async def test_a_sign_on_at_another_speed_is_not_heard(tmp_path: Path) -> None:
    async with listening(meter(), PtyLine(tmp_path / "pty")):
        link = ModeEClient(READER_CLIENT, settings=NOBODY)
        async with over_tty(link, tmp_path / "pty") as driver:
            really_set, driver._set_line = driver._set_line, lambda line: None
            really_set(SetLine(9600))
            ended = await driver.connect()
            assert ended == LinkDown(
                Down.NO_ANSWER, "the meter does not identify itself", READER_CLIENT
            )


async def test_a_client_that_left_leaves_no_speed_behind(tmp_path: Path) -> None:
    """Setting 300 Bd 7E1 where 300 Bd is set already would change nothing, and so be refused."""
    path = tmp_path / "pty"
    async with listening(meter(), PtyLine(path)):
        for _ in range(2):
            async with over_tty(ModeEClient(PUBLIC_CLIENT, settings=NOBODY), path) as driver:
                driver._set_line(SetLine(300))
            while _baud(path) != UNTOUCHED_BAUD:
                await asyncio.sleep(0.01)


def _baud(path: Path) -> int:
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        return {termios.B300: 300, termios.B38400: 38400}[termios.tcgetattr(port)[5]]
    finally:
        os.close(port)


async def test_a_silent_meter_is_silent_on_every_layer(tmp_path: Path) -> None:
    device = meter()
    device.faults.silent = True
    lines = (PtyLine(tmp_path / "pty", Framing.HDLC), PtyLine(tmp_path / "probe"))
    async with listening(device, *lines):
        async with over_tty(HdlcClient(16, settings=QUICK), tmp_path / "pty") as driver:
            ended = await driver.connect()
            assert isinstance(ended, LinkDown) and ended.reason is Down.NO_ANSWER
            assert len(driver.events) == 1
        async with over_tty(ModeEClient(16, settings=NOBODY), tmp_path / "probe") as driver:
            ended = await driver.connect()
            assert isinstance(ended, LinkDown) and ended.reason is Down.NO_ANSWER


async def test_what_is_at_the_path(tmp_path: Path) -> None:
    path = tmp_path / "probe"
    path.symlink_to("/dev/pts/left-behind")
    async with listening(meter(), PtyLine(path, Framing.HDLC)):
        assert path.exists()
    path.write_text("a file of somebody's")
    with pytest.raises(FileExistsError):
        async with listening(meter(), PtyLine(path)):
            pass
    assert path.read_text() == "a file of somebody's"
    with pytest.raises(FileNotFoundError):
        async with listening(meter(), PtyLine(tmp_path / "no" / "folder")):
            pass


@asynccontextmanager
async def socat(folder: Path) -> AsyncIterator[tuple[Path, Path, subprocess.Popen[bytes]]]:
    """Two ttys joined."""
    if shutil.which("socat") is None:
        pytest.skip("socat is not installed")
    ends = folder / "meter", folder / "technician"
    addresses = [f"pty,rawer,link={end}" for end in ends]
    with subprocess.Popen(["socat", *addresses]) as process:
        try:
            async with asyncio.timeout(30):
                while not all(end.exists() for end in ends):
                    await asyncio.sleep(0.01)
            yield *ends, process
        finally:
            process.terminate()


async def test_a_tty_that_is_there_is_opened(tmp_path: Path) -> None:
    device, gone = meter(), asyncio.Event()
    async with socat(tmp_path) as (theirs, ours, process):
        async with listening(device, PtyLine(theirs, ended=gone.set)):
            async with over_tty(ModeEClient(PUBLIC_CLIENT), ours) as driver:
                assert await driver.connect() == LinkUp(PUBLIC_CLIENT, 1)
                association = Association(device, PUBLIC_CLIENT, driver)
                assert isinstance(await association.say(AssociationRequest()), Associated)
            process.terminate()
            async with asyncio.timeout(30):
                await gone.wait()
        assert device._links == ()


async def test_pauses_between_frames_are_waited_out(tmp_path: Path) -> None:
    device = meter()
    line = PtyLine(tmp_path / "pty", Framing.HDLC, pace=Pace(pause_s=0.05))
    async with listening(device, line):
        async with over_tty(HdlcClient(PUBLIC_CLIENT), tmp_path / "pty") as driver:
            started = asyncio.get_running_loop().time()
            await driver.connect()
            association = Association(device, PUBLIC_CLIENT, driver)
            assert isinstance(await association.say(AssociationRequest()), Associated)
            assert asyncio.get_running_loop().time() - started >= 0.1
    assert [type(event) for event in driver.events] == [LinkUp, ApduReceived]


# --- pushes ---------------------------------------------------------------------------------------

SETUP = LogicalName("0.0.25.9.0.255")


async def pushes_to(device: Meter, driver: Driver, transport: int, destination: str) -> None:
    """Tell the meter where to push, and to do so."""
    association = Association(device, MANAGEMENT_CLIENT, driver)
    assert isinstance(await association.say(AssociationRequest()), Associated)
    where = Structure((Enum(transport), OctetString(destination.encode()), Enum(0)))
    written = await association.say(SetRequest.of(AttributeDescriptor(40, SETUP, 3), where))
    assert written == SetResponse.of(DataAccessResult.SUCCESS)
    pushed = await association.say(ActionRequest.of(MethodDescriptor(40, SETUP, 1), Integer(0)))
    assert isinstance(pushed, ActionResponse)
    assert pushed.results[0].result is ActionResult.SUCCESS


def is_push(octets: bytes) -> bool:
    (frame,) = wrapper.Decoder().feed(octets)
    return (frame.source, frame.destination, frame.apdu[0]) == (1, PUSH_CLIENT, 0x0F)


async def test_a_push_by_tcp() -> None:
    device, heard = meter(), asyncio.Queue[bytes]()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read())
        writer.close()

    receiver = await asyncio.start_server(take, "127.0.0.1", 0)
    port = receiver.sockets[0].getsockname()[1]
    async with listening(device, TcpLine("127.0.0.1", 0)) as (where,):
        link = WrapperClient(MANAGEMENT_CLIENT)
        async with over_tcp(link, where.host, where.port) as driver:
            await driver.connect()
            await pushes_to(device, driver, TCP, f"127.0.0.1:{port}")
            async with asyncio.timeout(30):
                assert is_push(await heard.get())
    receiver.close()


async def test_a_push_by_udp() -> None:
    device, heard = meter(), asyncio.Queue[bytes]()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            heard.put_nowait(data)

    loop = asyncio.get_running_loop()
    receiver, _ = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    port = receiver.get_extra_info("sockname")[1]
    async with listening(device, TcpLine("127.0.0.1", 0)) as (where,):
        link = WrapperClient(MANAGEMENT_CLIENT)
        async with over_tcp(link, where.host, where.port) as driver:
            await driver.connect()
            await pushes_to(device, driver, UDP, f"127.0.0.1:{port}")
            async with asyncio.timeout(30):
                assert is_push(await heard.get())
    receiver.close()


async def test_a_push_in_frames_of_its_own_on_a_serial_line(tmp_path: Path) -> None:
    device = meter()
    async with listening(device, PtyLine(tmp_path / "pty", Framing.HDLC)):
        link = HdlcClient(MANAGEMENT_CLIENT)
        async with over_tty(link, tmp_path / "pty") as driver:
            await driver.connect()
            await pushes_to(device, driver, HDLC, "-")
            while not (pushed := [each for each in driver.events if _unconfirmed(each)]):
                await asyncio.sleep(0.001)
    assert (pushed[0].source, pushed[0].destination) == (1, PUSH_CLIENT)
    assert pushed[0].apdu[0] == 0x0F


def _unconfirmed(event: object) -> bool:
    return isinstance(event, ApduReceived) and event.unconfirmed


NOT_CARRIED = {
    "nobody listens": (TCP, "127.0.0.1:1"),
    "no address": (TCP, "head-end"),
    "by SMS": (4, "+5612345"),
    "by HDLC, and no serial line": (HDLC, "-"),
}


@pytest.mark.parametrize(("transport", "destination"), NOT_CARRIED.values(), ids=NOT_CARRIED)
async def test_a_push_that_cannot_be_carried_is_tried_again(
    transport: int, destination: str
) -> None:
    device = meter()
    async with listening(device, TcpLine("127.0.0.1", 0)) as (where,):
        link = WrapperClient(MANAGEMENT_CLIENT)
        async with over_tcp(link, where.host, where.port) as driver:
            await driver.connect()
            await pushes_to(device, driver, transport, destination)
            while not (waiting := device.part(PushDesk).waiting):
                await asyncio.sleep(0.001)
    assert [push.failures for push in waiting] == [1]


# --- the command ----------------------------------------------------------------------------------


async def test_the_command_serves_on_a_pty_and_ends_well(tmp_path: Path) -> None:
    root, path = Path(__file__).parents[2], tmp_path / "probe"
    command = f"-m tools meter listen --pty {path} --echo --auth none --udp 127.0.0.1:0 --json"
    process = subprocess.Popen(
        [sys.executable, *command.split(), "--seed", "7", "--index", "4"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        told = json.loads(await asyncio.to_thread(process.stdout.readline))
        udp, pty = told["lines"]
        assert (udp["line"], udp["framing"]) == ("udp", "wrapper")
        assert pty == {"line": "pty", "pty": str(path), "framing": "mode-e"}
        link = ModeEClient(PUBLIC_CLIENT)
        async with over_tty(link, path) as driver:
            assert await driver.connect() == LinkUp(PUBLIC_CLIENT, 1)
            assert link.echoing
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.to_thread(process.communicate, timeout=30)
    assert (process.returncode, errors) == (0, b"")
    assert not path.is_symlink()


def test_each_model_and_each_fault_by_its_name() -> None:
    for name in models.names():
        device = meter_of(STANDARD_CLIENTS, name, 3, Identity(1, 0), "")
        assert device.type.name == name
        for fault in known_faults([",".join(FAULTS)]):
            device.set_fault(fault, now=wall_clock())
        assert device.faults.silent and device.dirty("pauses")


WRONG_USAGE = {
    "mode E over TCP": (["--tcp", "127.0.0.1:0", "--framing", "mode-e"], "TCP has none"),
    "the wrapper on a pty": (["--pty", "x", "--framing", "wrapper"], "for TCP and UDP"),
    "HDLC in datagrams": (["--udp", "127.0.0.1:0", "--framing", "hdlc"], "are for streams"),
    "an unknown fault": (["--fault", "sleepy"], "sleepy: no such fault"),
    "an unknown model": (["--model", "sundial"], "no meter model 'sundial'"),
    "an unknown framing": (["--framing", "m-bus"], "m-bus"),
    "an echo without a pty": (["--echo"], "are of a --pty"),
    "UDP without a port": (["--udp", "localhost"], "not HOST:PORT"),
}


@pytest.mark.parametrize(("options", "text"), WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_wrong_usage(options: list[str], text: str) -> None:
    result = CliRunner().invoke(app, ["listen", *options])
    assert result.exit_code == 2
    assert text in " ".join(result.output.replace("│", " ").split())


def test_a_template_file_is_a_model_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "legacy-single-phase"\n')
    result = CliRunner().invoke(app, ["listen", "--model", str(file), "--phases", "3"])
    assert result.exit_code == 2
    assert "has 1 phases, not 3" in " ".join(result.output.replace("│", " ").split())


def test_a_path_where_something_else_is_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    result = CliRunner().invoke(app, ["listen", "--pty", str(path)])
    assert result.exit_code == 1
    assert f"cannot listen on {path}: File exists. Try:" in result.output
