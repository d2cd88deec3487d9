"""A simulated concentrator's way to the in-process broker: `devices.gateway.uplink.Uplink`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from devices.gateway.uplink import Ears, Will
from headend.app.sessions import Bus, BusClient, BusWill
from protocols.concentrator import topics
from protocols.concentrator.messages import FaultLog, Result, decode_upward, encode
from scenarios.schema import FieldSpec, Sources, seconds

EVERYTHING = Sources()
KEEPALIVE_S = 60.0  # the broker gives a silent session up after one and a half of it


def keepalive_s(field: FieldSpec) -> float:
    """What concentrators announce, so that the broker gives them up when the story says."""
    return KEEPALIVE_S if field.noticed_after is None else seconds(field.noticed_after) / 1.5


class BusUplink:
    """One concentrator's client.  `enter` acts on the world at its present time; of `sources`, what
    is False does not get through, for tests that take that evidence away."""

    def __init__(
        self,
        bus: Bus,
        concentrator: str,
        *,
        enter: Callable[[Callable[[], None]], None],
        delay_s: Callable[[int], float],
        sources: Sources = EVERYTHING,
        keepalive_s: float = KEEPALIVE_S,
    ) -> None:
        self._enter = enter
        self._sources = sources
        self._ears: Ears | None = None
        self._waiting: deque[tuple[str, bytes, bool]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = False
        self._client = BusClient(
            bus,
            f"concentrator-{concentrator}",
            keepalive_s=keepalive_s,
            delay_s=delay_s,
            on_lost=self._lost,
        )
        self._subscription = topics.down(concentrator)
        self._subscribed = False

    def connect(self, will: Will, ears: Ears) -> None:
        self._ears = ears
        if self._sources.last_will:
            self._client.will = BusWill(will.topic, will.payload)
        self._spawn(self._connect(ears))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._waiting.append((topic, self._withheld(payload), retain))
        if not self._sending:
            self._sending = True
            self._spawn(self._send())

    def drop(self) -> None:
        self._ears = None
        self._waiting.clear()
        self._client.drop()

    def cut(self) -> None:
        self._client.cut()

    def restore(self) -> None:
        self._client.restore()

    def _withheld(self, payload: bytes) -> bytes:
        """A message without the evidence that the scenario takes away."""
        if self._sources.link_reports and self._sources.fault_log:
            return payload
        message = decode_upward(payload)
        match message:
            case Result() if not self._sources.link_reports:
                message = msgspec.structs.replace(message, link=None)
            case FaultLog() if not self._sources.fault_log:
                message = msgspec.structs.replace(message, entries=())
        return encode(message)

    async def _connect(self, ears: Ears) -> None:
        try:
            if not self._subscribed:
                await self._client.subscribe(self._subscription, self._heard)
                self._subscribed = True
            await self._client.connect()
        except ConnectionError as error:
            why = str(error)
            if self._ears is ears:
                self._enter(lambda: ears.down(why))
            return
        if self._ears is ears:
            self._enter(ears.up)

    async def _send(self) -> None:
        try:
            while self._waiting:
                topic, payload, retain = self._waiting.popleft()
                try:
                    await self._client.publish(topic, payload, retain=retain)
                except ConnectionError:
                    continue  # lost; the device sends again what matters
        finally:
            self._sending = False

    async def _heard(self, topic: str, payload: bytes) -> None:
        if (ears := self._ears) is not None:
            self._enter(lambda: ears.message(topic, payload))

    def _lost(self, why: str) -> None:
        if (ears := self._ears) is not None:
            self._enter(lambda: ears.down(why))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
