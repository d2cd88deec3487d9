"""The utility's own network: near the broker, and back on it when it is back itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from headend.app.sessions import Bus, BusClient
from scenarios.surroundings import LAN_DELAY_S

RETURN_S = 2.0  # head-end and integration platform try again to reach their broker


@dataclass(slots=True)
class Lan:
    """Hands out clients of the broker."""

    bus: Bus
    _returning: set[asyncio.Task[None]] = field(default_factory=set)

    def member(self, name: str) -> BusClient:
        """A client that is not connected yet."""

        def lost(why: str) -> None:
            task = asyncio.ensure_future(_come_back(client))
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)

        client = BusClient(self.bus, name, delay_s=lambda _: LAN_DELAY_S, on_lost=lost)
        return client


async def _come_back(client: BusClient) -> None:
    while not client.connected:
        await asyncio.sleep(RETURN_S)
        try:
            await client.connect()
        except ConnectionError:
            continue
