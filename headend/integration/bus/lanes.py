"""Packets on their way to the broker: those of one question one after the other, questions side by
side.

While the broker is away a packet is tried again until its time is over; what it belongs to then has
its own deadline, so that giving up here loses nothing unanswered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

import structlog

from headend.integration.bus.queues import Queues
from headend.ports import Clock
from protocols.cim.bus.effects import Send

REST_S: Final = 0.5  # between tries while the broker is away
AT_ONCE: Final = 100  # publications that wait for the broker's word
WAITING_MAX: Final = 10_000  # packets of all lanes; a request that finds no room times out

Lane = tuple[str, bytes | None]
"""Topic and correlation data: pages of one answer must not overtake each other."""

_log = structlog.get_logger("bus")


class Lanes:
    """Sends packets.  `stop` ends it."""

    def __init__(self, queues: Queues, clock: Clock) -> None:
        self._queues = queues
        self._clock = clock
        self._lanes: dict[Lane, deque[Send]] = {}
        self._tasks: dict[Lane, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0
        self.given_up = 0

    def send(self, send: Send) -> None:
        """Have a packet published."""
        if self.waiting >= WAITING_MAX:
            self._give_up(send, "too many packets wait")
            return
        self.waiting += 1
        name = (send.packet.topic, send.packet.properties.correlation)
        if (lane := self._lanes.get(name)) is not None:
            lane.append(send)
            return
        lane = self._lanes[name] = deque([send])
        self._tasks[name] = asyncio.create_task(self._work(name, lane), name=f"bus {name[0]}")

    async def stop(self) -> None:
        """Drop what waits."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, name: Lane, lane: deque[Send]) -> None:
        try:
            while lane:
                await self._publish(lane[0])
                lane.popleft()
                self.waiting -= 1
        finally:
            self.waiting -= len(lane)
            del self._lanes[name], self._tasks[name]

    async def _publish(self, send: Send) -> None:
        packet = send.packet
        first = True
        while True:
            if send.until <= self._clock.now():
                self._give_up(send, "its time is over")
                return
            try:
                async with self._slots:
                    await self._queues.publish(
                        packet.topic, packet.payload, properties=packet.properties
                    )
                return
            except ConnectionError as error:
                if first:
                    _log.info("the broker is away", topic=packet.topic, why=str(error))
                first = False
                await asyncio.sleep(REST_S)

    def _give_up(self, send: Send, why: str) -> None:
        self.given_up += 1
        _log.warning("a packet was not sent", topic=send.packet.topic, why=why)
