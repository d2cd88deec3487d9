"""A simulated meter on real lines in a thread of its own, and the probe before it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from typer.testing import CliRunner

from devices.clock import wall_clock
from devices.gateway.lines import Framing, Line, PtyLine, TcpLine, UdpLine
from devices.gateway.meter_line import LiveMeter
from devices.meter.clients import on_the_bench
from devices.meter.device import Meter
from devices.meter.identity import Identity
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from protocols.dlms.codes import AuthenticationMechanism
from tools.cli import app

LOCAL = "127.0.0.1"
LOAD_W = (900, 600, 500)
VARIABLES = (
    "AMI_PROBE_PORT",
    "AMI_PROBE_KEY",
    "AMI_PROBE_AUTH_KEY",
    "AMI_PROBE_PASSWORD",
    "AMI_PROBE_KEY_FILE",
    "AMI_PROBE_MODEL",
    "AMI_PROBE_SIGNING_KEY",
    "AMI_PROBE_METER_KEY",
    "AMI_PROBE_METER",
    "AMI_PROBE_PASSPHRASE",
)
NOBODY = "tcp://127.0.0.1:1"  # a port that nobody listens on


class Watched(Meter):
    """A meter that counts association requests by client address."""

    def __init__(self, *what: Any) -> None:
        super().__init__(*what)
        self.logins: Counter[int] = Counter()

    def take(self, apdu: bytes, *rest: Any, **ends: Any) -> Any:
        if apdu[:1] == b"\x60":  # AARQ
            self.logins[ends["client"]] += 1
        return super().take(apdu, *rest, **ends)


W = TypeVar("W", bound=Watched)


@dataclass
class Bench:
    """What a test sees of the meter."""

    meter: Watched
    places: list[str]

    @property
    def logins(self) -> Counter[int]:
        return self.meter.logins

    @property
    def port(self) -> str:
        return self.places[0]

    @property
    def number(self) -> str:
        return self.meter.identity.number

    def secrets(self, client: int = 1) -> dict[str, str]:
        """What the environment of a technician would hold."""
        identity = self.meter.identity
        keys = identity.keys(client)
        return {
            "AMI_PROBE_KEY": keys.encryption.hex(),
            "AMI_PROBE_AUTH_KEY": keys.authentication.hex(),
        }

    def password(self, client: int = 2) -> dict[str, str]:
        return {"AMI_PROBE_PASSWORD": self.meter.identity.password(client).decode()}


def tcp(framing: Framing = Framing.WRAPPER) -> Line:
    return TcpLine(LOCAL, 0, framing)


def udp() -> Line:
    return UdpLine(LOCAL, 0)


def pty(path: Path, framing: Framing = Framing.MODE_E, **more: Any) -> Line:
    return PtyLine(path, framing, **more)


def a_meter(
    mechanism: AuthenticationMechanism = AuthenticationMechanism.HIGH_GMAC,
    *,
    kind: type[W] = Watched,  # type: ignore[assignment]
    **more: Any,
) -> W:
    clients = on_the_bench(mechanism)
    load = ConstantLoad.of(*LOAD_W[: more.get("phases", 3)])
    return kind(Identity(11, 4), load, MeterType(clients=clients, **more))


@contextmanager
def bench(*lines: Line, meter: Watched | None = None) -> Iterator[Bench]:
    """The meter on these lines, until the test is over."""
    shown = Bench(meter or a_meter(), [])
    loop = asyncio.new_event_loop()
    ready, done = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            live = await stack.enter_async_context(LiveMeter(shown.meter, now=wall_clock))
            for line in lines:
                opened = await line.open(stack, live)
                shown.places.append(opened.path or f"{opened.kind}://{opened.host}:{opened.port}")
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert ready.wait(30)
        yield shown
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(30)
        assert not thread.is_alive()
        loop.close()


@dataclass(frozen=True)
class Probe:
    """The command line, with a kit of its own."""

    home: Path
    runner: CliRunner = field(default_factory=CliRunner)

    def __call__(
        self, *words: object, env: dict[str, str] | None = None, says: str | None = None
    ) -> Any:
        """What `CliRunner` makes of it: exit_code, stdout, stderr, output."""
        clean = dict.fromkeys(VARIABLES)
        told = {
            **clean,
            "AMI_PROBE_HOME": str(self.home),
            "LANG": "C",
            "LC_ALL": "C",
            **(env or {}),
        }
        return self.runner.invoke(app, ["probe", *map(str, words)], input=says, env=told)

    def json(
        self, *words: object, env: dict[str, str] | None = None, code: int = 0
    ) -> dict[str, Any]:
        """What `--json` says; the exit code must be this."""
        result = self(*words, "--json", env=env)
        assert result.exit_code == code, (result.exit_code, result.output)
        told: dict[str, Any] = json.loads(result.stdout)
        return told

    def journal(self) -> list[dict[str, Any]]:
        path = self.home / "journal.jsonl"
        if not path.exists():
            return []
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]

    def everything(self) -> bytes:
        """All octets that the kit holds."""
        return b"".join(path.read_bytes() for path in self.home.rglob("*") if path.is_file())


def values(told: dict[str, Any]) -> dict[str, Any]:
    """Readings by their OBIS code."""
    return {row["obis"]: row["value"] for row in told["readings"]}


def acting(lines: Sequence[dict[str, Any]]) -> list[str]:
    """What the journal says was sent."""
    return [sent for line in lines for sent in line["facts"].get("sends", ())]


@contextmanager
def between(
    port: str,
    *,
    cut_after: int | None = None,
    noise: bytes = b"",
    heard: Callable[[bytes], bytes] = lambda octets: octets,
) -> Iterator[str]:
    """A line to a meter on TCP that can be cut after so many octets of its answers, that puts noise
    before each piece of them, and lets only through what `heard` gives."""
    host, _, number = port.removeprefix("tcp://").rpartition(":")
    loop = asyncio.new_event_loop()
    ready, done, places = threading.Event(), asyncio.Event(), list[str]()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(number))
        left = cut_after

        async def up() -> None:
            nonlocal left
            while octets := await far_reader.read(4096):
                if left is not None:
                    octets, left = octets[:left], left - len(octets)
                writer.write(noise + octets)
                if left is not None and left <= 0:
                    break
            writer.close()

        async def down() -> None:
            while octets := await reader.read(4096):
                far_writer.write(heard(octets))
            far_writer.close()

        try:
            await asyncio.gather(up(), down(), return_exceptions=True)
        finally:
            far_writer.close()
            writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(carry, LOCAL, 0) as server:
            places.append(f"tcp://{LOCAL}:{server.sockets[0].getsockname()[1]}")
            ready.set()
            await done.wait()
        carrying = asyncio.all_tasks() - {asyncio.current_task()}
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        await asyncio.sleep(0)  # transports that close drop their sockets in the loop's next turn

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert ready.wait(30)
        yield places[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(30)
        loop.close()
