"""Messages on their way from a broker's connection to their handlers.

One topic's messages are handled one after the other, different topics side by side.  A message is
acknowledged to the broker when its handler is done, and in the order in which messages arrived, as
MQTT asks (3.1.1, MQTT-4.6.0-2): one that takes long holds back the acknowledgement of those behind
it, not their handling.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from headend.field.broker import Handler, PacketHandler, matches
from headend.ports import StoreUnavailable
from protocols.mqtt import NO_PROPERTIES, Packet, Properties

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Arrival:
    packet: Packet
    acknowledge: Callable[[], None]
    handled: bool = False


class Dispatch:
    """Runs handlers.  `strict` lets a handler's error escape, which ends a simulated run; otherwise
    it is logged, and the message acknowledged: its sender gets no receipt and sends it again."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._handlers: dict[str, PacketHandler] = {}
        self._lanes: dict[str, deque[_Arrival]] = {}
        self._arrived: deque[_Arrival] = deque()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def filters(self) -> list[str]:
        return list(self._handlers)

    def add(self, topic_filter: str, handler: Handler) -> None:
        """Name the one handler of a filter."""

        async def heard(packet: Packet) -> None:
            await handler(packet.topic, packet.payload)

        self.add_listener(topic_filter, heard)

    def add_listener(self, topic_filter: str, handler: PacketHandler) -> None:
        """As `add`, for a handler that reads properties."""
        if topic_filter in self._handlers:
            raise ValueError(f"{topic_filter} has a handler already")
        self._handlers[topic_filter] = handler

    def arrive(
        self,
        topic: str,
        payload: bytes,
        acknowledge: Callable[[], None],
        properties: Properties = NO_PROPERTIES,
    ) -> None:
        """Have a message handled; `acknowledge` is called once it is."""
        arrival = _Arrival(Packet(topic, payload, properties), acknowledge)
        self._arrived.append(arrival)
        if (lane := self._lanes.get(topic)) is not None:
            lane.append(arrival)
            return
        lane = self._lanes[topic] = deque([arrival])
        self._tasks[topic] = asyncio.get_running_loop().create_task(self._work(topic, lane))

    def abandon(self) -> None:
        """The connection is gone: what arrived on it can no longer be acknowledged and will come
        again.  Handlers that have begun go on; messages that wait for theirs are dropped."""
        self._arrived.clear()
        for lane in self._lanes.values():
            lane.clear()

    async def stop(self) -> None:
        """End every handler."""
        self.abandon()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, topic: str, lane: deque[_Arrival]) -> None:
        try:
            while lane:
                arrival = lane.popleft()
                await self._handle(arrival)
                arrival.handled = True
                while self._arrived and self._arrived[0].handled:
                    self._arrived.popleft().acknowledge()
        finally:
            del self._lanes[topic], self._tasks[topic]

    async def _handle(self, arrival: _Arrival) -> None:
        handlers = [
            handler
            for topic_filter, handler in self._handlers.items()
            if matches(topic_filter, arrival.packet.topic)
        ]
        for handler in handlers:
            try:
                await handler(arrival.packet)
            except StoreUnavailable as error:  # no mistake of the handler's, strict or not
                log.error("a message was not kept", topic=arrival.packet.topic, why=str(error))
            except Exception:
                if self._strict:
                    raise
                log.exception("a message's handler failed", topic=arrival.packet.topic)
