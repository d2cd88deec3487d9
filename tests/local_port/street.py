"""A live field in a thread of its own, its concentrators' own ports open on TCP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from devices.concentrator.device import Concentrator
from headend.app.sessions import Bus
from scenarios.live import LiveField, live_field
from scenarios.schema import parse
from tools.field.ports import concentrator_ports

NAME = "C-001"
SEED = 11
SCENARIO = parse("""
about = "A street of three meters at which nothing happens by itself."
start = 2026-07-06T00:00:00
duration = "24h"
field.meters = 3
field.outages = "none"
[expect]
""")
SOON_S = 30.0  # ends a thread that hangs; nothing comes near it

T = TypeVar("T")


@dataclass
class Street:
    """What a test sees of it."""

    loop: asyncio.AbstractEventLoop
    live: list[LiveField] = field(default_factory=list)
    opened: list[dict[str, Any]] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"tcp://{self.opened[0]['host']}:{self.opened[0]['port']}"

    @property
    def way(self) -> tuple[str, ...]:
        """Options of the probe."""
        return ("--port", self.place, "--framing", "wrapper", "--model", "sim-concentrator")

    @property
    def keys(self) -> dict[str, str]:
        """What the environment of a technician would hold."""
        known = self.opened[0]
        return {
            "AMI_PROBE_KEY": known["encryption_key"],
            "AMI_PROBE_AUTH_KEY": known["authentication_key"],
        }

    @property
    def wrong_keys(self) -> dict[str, str]:
        return {**self.keys, "AMI_PROBE_AUTH_KEY": "00" * 16}

    def at(self, action: Callable[[Concentrator, float], T]) -> T:
        """Something done with the concentrator in the world, at its present time."""

        async def enter() -> T:
            world = self.live[0].world
            return world.enter(lambda: action(world.concentrators[NAME], world.env.now))

        return asyncio.run_coroutine_threadsafe(enter(), self.loop).result(SOON_S)


@contextmanager
def street(*options: str) -> Iterator[Street]:
    """Until the context ends."""
    shown = Street(asyncio.new_event_loop())
    ready, done = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with (
            live_field(SCENARIO, Bus(), seed=SEED) as live,
            concentrator_ports(live, options or (f"{NAME}=0",)) as opened,
        ):
            shown.live.append(live)
            shown.opened += opened
            ready.set()
            await done.wait()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=shown.loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert ready.wait(SOON_S)
        yield shown
    finally:
        shown.loop.call_soon_threadsafe(done.set)
        thread.join(SOON_S)
        assert not thread.is_alive()
        shown.loop.close()
