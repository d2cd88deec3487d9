"""SIMOCE and SCADA of one utility, as OPC UA servers that a test or a demo starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from headend.opcua.served import Bounds, Proves
from headend.opcua.server import OpcUaServer, Place, poking
from headend.ports import Clock
from scenarios.utility.measuring import FeederHeads
from scenarios.utility.model import Utility
from scenarios.utility.quality_events import DAY_S, interruptions
from scenarios.utility.scada import SCAN_S, Scada
from scenarios.utility.simoce import KEPT_DAYS, Simoce

AHEAD_DAYS = 40
"""After the start, for which interruptions are known: longer runs nobody's demo."""


@dataclass(frozen=True, slots=True)
class User:
    """Who may connect, where not everybody may."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Systems:
    """Both, listening."""

    simoce: OpcUaServer
    scada: OpcUaServer
    heads: FeederHeads


def heads_of(utility: Utility, clock: Clock) -> FeederHeads:
    """What the utility's feeders carry around this time."""
    today = int(clock.now().timestamp()) // DAY_S
    off = interruptions(utility, today - KEPT_DAYS, today + AHEAD_DAYS)
    return FeederHeads(utility, off)


@asynccontextmanager
async def systems(
    utility: Utility,
    clock: Clock,
    *,
    user: User | None = None,
    bounds: Bounds | None = None,
    ports: tuple[int, int] = (0, 0),
    scan: timedelta | None = timedelta(seconds=SCAN_S),
) -> AsyncIterator[Systems]:
    """Both on loopback for as long as the context lasts, at these ports (0: a free one).  Without
    `scan` nobody passes new values on but who calls `poke`."""
    heads = heads_of(utility, clock)
    proves = None if user is None else _only(user)
    servers = [
        OpcUaServer(space, place, clock, bounds=bounds, proves=proves)
        for space, place in (
            (Simoce(utility, heads, clock), Place("SIMOCE", port=ports[0], path="simoce")),
            (Scada(utility, heads, clock), Place("SCADA", port=ports[1], path="scada")),
        )
    ]
    tasks: list[asyncio.Task[None]] = []
    try:
        for server in servers:
            await server.start()
            if scan is not None:
                tasks.append(asyncio.create_task(poking(server, scan.total_seconds())))
        yield Systems(servers[0], servers[1], heads)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for server in servers:
            await server.stop()


def _only(user: User) -> Proves:
    async def proves(name: str, password: str, _: str) -> str | None:
        return name if (name, password) == (user.name, user.password) else None

    return proves
