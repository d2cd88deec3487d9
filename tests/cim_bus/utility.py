"""A utility on a broker in the process: requesters, router, adapters, and lines that break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from headend.clock import LoopClock
from headend.field.broker import BrokerUnavailable
from headend.field.bus import Bus, BusClient
from headend.integration.bus.answering import Answering, System
from headend.integration.bus.asking import Asking
from headend.integration.bus.dead_letters import DeadLettersInFolder
from headend.integration.bus.node import Ground
from headend.integration.bus.queues import Queues
from headend.integration.bus.routing import Routing
from headend.integration.bus.traces import TracesInMemory
from headend.ports import Clock
from protocols.cim.bus import rules
from protocols.cim.bus.effects import DeadLetter
from protocols.cim.bus.requester import Requester
from protocols.cim.bus.responder import Responder
from protocols.cim.bus.router import Router
from tests.cim_bus.letters import RULES
from tests.conftest import SIMULATED_START

Stop = Callable[[], Awaitable[None]]


@dataclass
class Utility:
    """Nodes by name.  `queues_for` gives each its session with the broker."""

    folder: Path
    queues_for: Callable[[str], Awaitable[Queues]]
    clock: Clock
    rules: str = RULES
    traces: TracesInMemory = field(default_factory=TracesInMemory)
    _stops: list[Stop] = field(default_factory=list)
    _lives: int = 0

    def __post_init__(self) -> None:
        self.letters = DeadLettersInFolder(self.folder)

    async def router(self) -> Routing:
        routing = Routing(Router(rules.read(self.rules)), await self._ground("ROUTER"))
        await routing.start()
        self._stops.append(routing.stop)
        return routing

    async def system(self, name: str, system: System) -> Answering:
        machine = Responder(name, trusted=frozenset({"ROUTER"}), rules=rules.read(self.rules))
        answering = Answering(machine, await self._ground(name), system)
        await answering.start()
        self._stops.append(answering.stop)
        return answering

    async def asking(self, name: str, send_again_s: float = 5.0) -> Asking:
        machine = Requester(name, send_again_s=send_again_s)
        asking = Asking(machine, await self._ground(name))
        await asking.start()
        self._stops.append(asking.stop)
        return asking

    async def stop(self) -> None:
        for stop in reversed(self._stops):
            await stop()

    def dead(self) -> list[DeadLetter]:
        return [self.letters.get(name) for name in self.letters.names()]

    async def _ground(self, name: str) -> Ground:
        queues = await self.queues_for(name)
        return Ground(queues, self.clock, self.traces, self.letters)


@asynccontextmanager
async def simulated(
    folder: Path, bus: Bus, *, seed: int = 0, delay_s: float = 0.0, rules: str = RULES
) -> AsyncIterator[Utility]:
    """On a broker in the process, under the simulated clock; lines that break come back."""
    lines = Lines(bus, seed, delay_s)
    utility = Utility(folder, lines.open, LoopClock(SIMULATED_START), rules)
    try:
        yield utility
    finally:
        lines.closed = True
        await utility.stop()


class Lines:
    """Each node's line to the broker, with seeded delays; whoever loses it connects again."""

    def __init__(self, bus: Bus, seed: int, delay_s: float) -> None:
        self._bus = bus
        self._luck = Random(f"{seed}/lines")
        self._delay_s = delay_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: dict[str, BusClient] = {}
        self._connecting: set[BusClient] = set()
        self.closed = False

    async def open(self, name: str) -> BusClient:
        """The session called `name`; one that has it already is taken over, as by a restart."""
        self._clients.pop(name, None)
        client = BusClient(
            self._bus,
            name,
            keepalive_s=5.0,
            delay_s=lambda octets: self._luck.uniform(0, self._delay_s),
            on_lost=lambda why: self._lost(name),
        )
        self._clients[name] = client
        await self._connect(client)
        return client

    def _lost(self, name: str) -> None:
        client = self._clients.get(name)
        if client is not None and not client.connected and not self.closed:
            task = asyncio.create_task(self._connect(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, client: BusClient) -> None:
        if client in self._connecting:
            return
        self._connecting.add(client)
        try:
            while not self.closed and self._clients.get(client.client_id) is client:
                try:
                    await client.connect()
                except BrokerUnavailable:
                    await asyncio.sleep(1.0)
                if client.connected:
                    return
        finally:
            self._connecting.remove(client)
