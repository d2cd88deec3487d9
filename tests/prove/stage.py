"""`ami serve` as a process of its own that may be killed, and in this process everything around it:
a Mosquitto, the simulated field on it, the integration platform, the commercial system.

The field lives in the test's process so that, at the end, what meters really did is at hand.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from devices.world import World
from headend.app.sessions import Address
from headend.field.mosquitto import Mosquitto
from headend.store.store import Reader
from scenarios.live import live_field
from scenarios.schema import Scenario, parse
from scenarios.stand_ins.commercial import Answered, CommercialSystem, Wanted
from scenarios.stand_ins.integration_platform import NAME as PLATFORM
from scenarios.stand_ins.integration_platform import IntegrationPlatform
from scenarios.story import Record, Story, records_of
from tests import databases
from tests.field.live_broker import mosquitto, session
from tools.order.command import http_post

ROOT = Path(__file__).resolve().parents[2]
LOCAL = "127.0.0.1"
COMMERCIAL = "COMERCIAL"
READY_WITHIN_S = 240.0  # ends a head-end that does not start; a busy machine needs some seconds
AMI = "from tools.cli import main; main()"

# A utility waits minutes and hours where this waits seconds.
CONFIG = """
[orders]
deadline_s = 1800
disconnects_per_hour = 1000000  # no second person is there to approve them
attempt_window_s = 60
backoff_first_s = 1
backoff_max_s = 10
busy_backoff_s = 1
breaker_rest_s = 2
verify_first_s = 2

[field]
ack_timeout_s = 4
knock_after_s = 6
result_grace_s = 5
withdraw_timeout_s = 5

[delivery]
retry_first_s = 0.5
retry_max_s = 5
"""
FIELD = """
about = "A field beside a head-end that is killed and started again."
start = {start}
timezone = "{zone}"
duration = "1h"

[field]
meters = {meters}
concentrators = {concentrators}

[expect]
"""
ZONE = "America/Santiago"


@dataclass(slots=True)
class Serve:
    """`ami serve`, started again and again on the same database and the same port."""

    directory: Path
    broker_port: int
    port: int
    database: str
    worker: str
    kills: int = 0
    starts: int = 0
    _process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://{LOCAL}:{self.port}/soap"

    @property
    def log(self) -> str:
        """What every life of it said on stderr."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def _log(self) -> Path:
        return self.directory / f"{self.worker}.log"

    async def launch(self) -> None:
        """Start the process; it is not ready yet."""
        assert self._process is None
        self.starts += 1
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", AMI, "serve"),
                *("--database", self.database),
                *("--mqtt", f"{LOCAL}:{self.broker_port}"),
                *("--port", str(self.port)),
                *("--config", str(self.directory / f"{self.worker}.toml")),
                *("--registry", str(self.directory / "field.toml")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )

    async def ready(self) -> None:
        """Return when it has told its addresses."""
        assert self._process is not None and self._process.stdout is not None
        async with asyncio.timeout(READY_WITHIN_S):
            line = await self._process.stdout.readline()
        assert line, f"ami serve ended before it was ready:\n{self.log[-4000:]}"
        assert json.loads(line)["soap"] == self.url

    async def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        assert await self._process.wait() == -signal.SIGKILL, self.log[-4000:]
        self._process = None
        self.kills += 1

    async def stop(self) -> None:
        """SIGTERM; its exit code is 0."""
        assert self._process is not None
        self._process.terminate()
        code = await self._process.wait()
        self._process = None
        assert code == 0, f"ami serve ended with {code}:\n{self.log[-4000:]}"

    async def abandon(self) -> None:
        """Leave nothing running, whatever happened before."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


@dataclass(slots=True)
class Stage:
    """Everything; `scenario` is the field's file as it was read."""

    serve: Serve
    world: World
    commercial: CommercialSystem
    scenario: Scenario
    broker: Mosquitto
    others: tuple[Serve, ...] = ()  # further workers on the same database and broker
    resent: int = 0
    wanted: dict[str, Wanted] = field(default_factory=dict)  # by MessageID
    acknowledged: dict[str, Answered] = field(default_factory=dict)

    async def order(self, wanted: Wanted) -> Answered:
        """Send a message until it is answered, as a client does whose connection broke: the same
        message under the same MessageID."""
        self.wanted[wanted.message_id] = wanted
        while True:
            try:
                answered = await self.commercial.send(wanted)
            except (OSError, http.client.HTTPException):
                self.resent += 1
                await asyncio.sleep(0.2)
                continue
            self.acknowledged.setdefault(wanted.message_id, answered)
            return answered

    def records(self) -> tuple[Record, ...]:
        """What the head-end has of every order, whether it runs or not."""
        reader = Reader(self.serve.database)
        try:
            return reader.read(records_of)
        finally:
            reader.close()

    async def settled(self, timeout_s: float) -> None:
        """Return when every order is final and every result was taken by the platform."""
        async with asyncio.timeout(timeout_s):
            while open_ := [_owed(record) for record in self.records() if _owed(record)]:
                await asyncio.sleep(0.5 + len(open_) / 200)

    def story(self) -> Story:
        """The run, as expectations look at it."""
        said = [line for one in (self.serve, *self.others) for line in one.log.splitlines()]
        errors = [line for line in said if line.startswith("Traceback")]
        ended = self.world.enter(lambda: self.world.env.now)
        return Story(
            scenario=self.scenario,
            seed=self.world.seed,
            records=self.records(),
            commercial=self.commercial,
            world=self.world,
            errors=tuple(RuntimeError(error) for error in errors),
            simulated_s=ended - self.scenario.start_utc.timestamp(),
        )


def _owed(record: Record) -> bool:
    waiting = (out.settled_at is None for out in record.outgoing)
    return not record.order.final or any(waiting)


@asynccontextmanager
async def staged(
    directory: Path,
    *,
    meters: int,
    concentrators: int,
    seed: int,
    workers: int = 1,
    database: str | None = None,
) -> AsyncIterator[Stage]:
    """The stage, with `ami serve` ready, in so many workers: orders come to each in turn.
    `database` is one of the caller's own."""
    start = datetime.now(ZoneInfo(ZONE)).replace(tzinfo=None)
    text = FIELD.format(
        start=start.isoformat(), zone=ZONE, meters=meters, concentrators=concentrators
    )
    (directory / "field.toml").write_text(text, encoding="utf-8")
    names = [f"serve-{number}" for number in range(1, workers + 1)]
    for name in names:
        (directory / f"{name}.toml").write_text(_config(directory, name, names), encoding="utf-8")
    scenario = msgspec.structs.replace(parse(text), seed=seed)
    async with (
        mosquitto(directory / "mosquitto") as broker,
        session(broker.port, PLATFORM) as queue,
        live_field(scenario, Address(LOCAL, broker.port)) as live,
    ):
        rng, url = Random(f"{seed}/{os.getpid()}"), database or databases.at(directory / "ami.db")
        serves = [Serve(directory, broker.port, _free_port(rng), url, name) for name in names]
        posts = itertools.cycle([http_post(serve.url) for serve in serves])
        commercial = CommercialSystem(
            COMMERCIAL, lambda octets: next(posts)(octets), lambda: datetime.now(UTC)
        )
        platform = IntegrationPlatform(commercial, queue.publish)
        await queue.subscribe(platform.topic, platform.hear)
        try:
            for serve in serves:
                await serve.launch()
            for serve in serves:
                await serve.ready()
            await live.connected(READY_WITHIN_S)
            yield Stage(serves[0], live.world, commercial, scenario, broker, tuple(serves[1:]))
        finally:
            for serve in serves:
                await serve.abandon()


def _config(directory: Path, name: str, names: Sequence[str]) -> str:
    legacy = databases.at(directory / "legacy.db")
    share = 'share = "head-ends"' if len(names) > 1 else ""
    return f'worker = "{name}"\nlegacy_database = "{legacy}"\n{CONFIG}\n[mqtt]\n{share}\n'


def _free_port(rng: Random) -> int:
    """Below the ports that outgoing connections take: while the head-end is down, none may be given
    its port."""
    while True:
        port = rng.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((LOCAL, port))
            except OSError:
                continue
            return port
