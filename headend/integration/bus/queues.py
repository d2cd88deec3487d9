"""What the bus's nodes ask of a broker: MQTT at least once, with a session that outlives
connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from protocols.mqtt import NO_PROPERTIES, Packet, Properties

PacketHandler = Callable[[Packet], Awaitable[None]]


class Queues(Protocol):
    """A client's session with a broker."""

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        properties: Properties = NO_PROPERTIES,
    ) -> None:
        """Hand a message to the broker.  Raises `ConnectionError` where it did not acknowledge."""
        ...

    async def listen(self, topic_filter: str, handler: PacketHandler) -> None:
        """Have `handler` called for each message, from now on and after every reconnection."""
        ...
