"""A meter on a real TCP port of the loopback: several clients, bad clients, and the command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices.clock import wall_clock
from devices.gateway import tcp
from devices.gateway.meter_line import LiveMeter
from devices.gateway.tcp import CONNECTIONS_MAX, FRAME_LENGTH_MAX, MeterListener
from devices.meter.clients import on_the_bench
from devices.meter.device import Meter
from devices.meter.identity import (
    CONCENTRATOR_CLIENT,
    MANAGEMENT_CLIENT,
    PUBLIC_CLIENT,
    READER_CLIENT,
    Identity,
)
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from protocols import wrapper
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, DataAccessResult, Security
from protocols.dlms.events import NEED_DATA, Associated, Event, Released
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    ActionRequest,
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    MethodDescriptor,
    ReleaseRequest,
    SetRequest,
    SetResponse,
)
from protocols.dlms.suite import SecuritySuite
from protocols.dlms.values import Array, DoubleLongUnsigned, Integer
from tests.meter.conversation import client_settings
from tools.authentication import Auth
from tools.meter.command import MECHANISMS, app

LIMIT = AttributeDescriptor(71, LogicalName("0.0.17.0.0.255"), 4)
POWER = AttributeDescriptor(3, LogicalName("1.0.1.7.0.255"), 2)
OBJECTS = AttributeDescriptor(15, LogicalName("0.0.40.0.0.255"), 2)

AARQ_PLAIN = wrapper.encode(
    PUBLIC_CLIENT,
    1,
    bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0"),
)

pytestmark = pytest.mark.live


def meter(mechanism: AuthenticationMechanism = AuthenticationMechanism.HIGH_GMAC) -> Meter:
    signs = mechanism is AuthenticationMechanism.HIGH_ECDSA
    clients = on_the_bench(mechanism, SecuritySuite(1 if signs else 0))
    return Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500), MeterType(clients=clients))


class TcpTalk:
    """One client on one TCP connection."""

    def __init__(
        self, device: Meter, sap: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._sap, self._reader, self._writer = sap, reader, writer
        self._decoder = wrapper.Decoder()
        counter = device.counters(sap)[1]
        self.connection = ClientConnection(
            client_settings(device, device.clients[sap], counter=counter)
        )

    async def say(
        self, message: AssociationRequest | GetRequest | SetRequest | ActionRequest | ReleaseRequest
    ) -> Event:
        """Send it; the first event that comes of it."""
        out: bytes | None = self.connection.send(message, now=0.0)
        while True:
            while out is not None:
                self._writer.write(wrapper.encode(self._sap, 1, out))
                out = self.connection.data_to_send()
            event = self.connection.next_event()
            if event is not NEED_DATA:
                return event  # type: ignore[return-value]
            octets = await self._reader.read(50)  # small pieces, so frames come cut
            assert octets, "the meter hung up"
            for frame in self._decoder.feed(octets):
                self.connection.receive_data(frame.apdu, now=0.0)
            out = self.connection.data_to_send()


@asynccontextmanager
async def serving(device: Meter) -> AsyncIterator[tuple[str, int, MeterListener]]:
    async with LiveMeter(device, now=wall_clock) as live, MeterListener(live) as listener:
        host, port = await listener.listen("127.0.0.1", 0)
        assert port > 0
        yield host, port, listener


@asynccontextmanager
async def connected(device: Meter, sap: int, host: str, port: int) -> AsyncIterator[TcpTalk]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield TcpTalk(device, sap, reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("auth", Auth)
async def test_read_and_set_with_each_authentication(auth: Auth) -> None:
    device = meter(MECHANISMS[auth])
    async with (
        serving(device) as (host, port, _),
        connected(device, MANAGEMENT_CLIENT, host, port) as talk,
    ):
        assert isinstance(await talk.say(AssociationRequest()), Associated)
        assert await talk.say(GetRequest.of(POWER)) == GetResponse.of(DoubleLongUnsigned(2000))
        written = await talk.say(SetRequest.of(LIMIT, DoubleLongUnsigned(3500)))
        assert written == SetResponse.of(DataAccessResult.SUCCESS)
        read = await talk.say(GetRequest.of(LIMIT))
        assert read == GetResponse.of(DoubleLongUnsigned(3500))
        assert isinstance(await talk.say(ReleaseRequest()), Released)


async def test_one_connection_after_another() -> None:
    device = meter()
    async with serving(device) as (host, port, listener):
        for _ in range(3):
            async with connected(device, MANAGEMENT_CLIENT, host, port) as talk:
                assert isinstance(await talk.say(AssociationRequest()), Associated)
                assert isinstance(await talk.say(GetRequest.of(OBJECTS)), GetResponse)
            while listener.connections:  # hung up without a release
                await asyncio.sleep(0)
        assert device.next_deadline() is None


async def test_several_at_once_each_with_its_association() -> None:
    device = meter()
    async with serving(device) as (host, port, _):
        saps = (PUBLIC_CLIENT, READER_CLIENT, READER_CLIENT, MANAGEMENT_CLIENT, CONCENTRATOR_CLIENT)

        async def converse(sap: int) -> None:
            async with connected(device, sap, host, port) as talk:
                assert isinstance(await talk.say(AssociationRequest()), Associated)
                for _ in range(5):
                    answer = await talk.say(GetRequest.of(OBJECTS))
                    assert isinstance(answer, GetResponse)
                    assert isinstance(answer.results[0], Array)

        await asyncio.gather(*map(converse, saps))


async def test_what_one_client_switches_another_sees() -> None:
    device = meter()
    async with (
        serving(device) as (host, port, _),
        connected(device, MANAGEMENT_CLIENT, host, port) as manager,
        connected(device, READER_CLIENT, host, port) as reader,
    ):
        await manager.say(AssociationRequest())
        await reader.say(AssociationRequest())
        off = MethodDescriptor(70, LogicalName("0.0.96.3.10.255"), 1)
        await manager.say(ActionRequest.of(off, Integer(0)))
        assert await reader.say(GetRequest.of(POWER)) == GetResponse.of(DoubleLongUnsigned(0))


async def test_the_limiter_trips_by_itself() -> None:
    device = meter()
    device.limiter.min_over_s = 0
    async with (
        serving(device) as (host, port, _),
        connected(device, MANAGEMENT_CLIENT, host, port) as talk,
    ):
        await talk.say(AssociationRequest())
        await talk.say(SetRequest.of(LIMIT, DoubleLongUnsigned(100)))
        while device.output_on:
            await asyncio.sleep(0.001)
        assert await talk.say(GetRequest.of(POWER)) == GetResponse.of(DoubleLongUnsigned(0))


async def test_one_connection_too_many_takes_the_place_of_the_most_silent() -> None:
    device = meter()
    async with serving(device) as (host, port, listener):
        kept = [await asyncio.open_connection(host, port) for _ in range(CONNECTIONS_MAX)]
        while listener.connections < CONNECTIONS_MAX:
            await asyncio.sleep(0)
        kept[0][1].write(AARQ_PLAIN)
        assert await kept[0][0].readexactly(8)
        async with connected(device, PUBLIC_CLIENT, host, port) as talk:
            assert isinstance(await talk.say(AssociationRequest()), Associated)
        with contextlib.suppress(ConnectionResetError):
            assert await kept[1][0].read() == b""
        kept[0][1].write(AARQ_PLAIN)
        assert await kept[0][0].readexactly(8), "it was heard after the second"
        for _, writer in kept:
            writer.close()


NO_DLMS = {
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "another version": b"\0\2\0\x10\0\1\0\1\xc0",
    "too long": b"\0\1\0\x10\0\1" + (FRAME_LENGTH_MAX + 1).to_bytes(2, "big"),
}


@pytest.mark.parametrize("octets", NO_DLMS.values(), ids=NO_DLMS)
async def test_who_speaks_something_else_is_hung_up_on(octets: bytes) -> None:
    device = meter()
    async with serving(device) as (host, port, _):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(octets)
        assert await reader.read() == b""
        writer.close()
        async with connected(device, PUBLIC_CLIENT, host, port) as talk:
            assert isinstance(await talk.say(AssociationRequest()), Associated)


async def test_a_client_that_says_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "IDLE_TIMEOUT_S", 0.01)
    async with serving(meter()) as (host, port, _):
        reader, writer = await asyncio.open_connection(host, port)
        assert await reader.read() == b""
        writer.close()


# The command.


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("auth", ["none", "low", "gmac"])
async def test_the_command_prints_all_a_client_needs_and_ends_well(
    stop: signal.Signals, auth: str
) -> None:
    root = Path(__file__).parents[2]
    command = f"-m tools meter listen --tcp 127.0.0.1:0 --auth {auth} --seed 7 --index 4 --json"
    process = subprocess.Popen(
        [sys.executable, *command.split()],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        told = json.loads(line)
        assert (told["auth"], told["client"], told["server"]) == (auth, 1, 1)
        assert told["test_keys"] is True
        device = meter(MECHANISMS[Auth(auth)])
        identity = device.identity
        assert told["system_title"] == identity.system_title.hex().upper()
        assert told.get("password") == (identity.password(1).decode() if auth == "low" else None)
        if auth == "gmac":
            assert told["encryption_key"] == identity.keys(1).encryption.hex().upper()
            assert told["authentication_key"] == identity.keys(1).authentication.hex().upper()
        assert {client["sap"] for client in told["clients"]} >= {16, 2, 1}
        async with connected(device, MANAGEMENT_CLIENT, told["host"], told["port"]) as talk:
            assert isinstance(await talk.say(AssociationRequest()), Associated)
            assert isinstance(await talk.say(GetRequest.of(POWER)), GetResponse)
    finally:
        process.send_signal(stop)
        _, errors = await asyncio.to_thread(process.communicate, timeout=30)
    assert (process.returncode, errors) == (0, b"")


WRONG_USAGE = {
    "no port": ["--tcp", "localhost"],
    "port too high": ["--tcp", "127.0.0.1:70000"],
    "unknown authentication": ["--auth", "highest-of-all"],
    "two phases": ["--phases", "2"],
    "a load of nothing": ["--load", "much"],
    "an index too high": ["--index", str(10**10)],
    "phases that the model has not": ["--model", "legacy-single-phase", "--phases", "3"],
    "a protection without keys": ["--auth", "low", "--security", "both"],
    "a suite without keys": ["--auth", "sha256", "--suite", "2"],
}


@pytest.mark.parametrize("options", WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_wrong_usage(options: list[str]) -> None:
    assert CliRunner().invoke(app, ["listen", *options]).exit_code == 2


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner().invoke(app, ["listen", "--tcp", where])
    assert result.exit_code == 1
    assert "cannot listen" in result.output


@pytest.mark.parametrize("auth", [Auth.NONE, Auth.LOW, Auth.SHA256])
def test_no_protection_may_be_said_where_nothing_is_ciphered(auth: Auth) -> None:
    plain = on_the_bench(MECHANISMS[auth], security=Security.NONE)
    assert plain == on_the_bench(MECHANISMS[auth])
