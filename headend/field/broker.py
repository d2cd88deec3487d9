"""What the head-end asks of a message broker, and what it does not believe of one.

Publishing is at least once (MQTT 3.1.1, QoS 1): `publish` returns when the broker has
acknowledged.  That says nothing about a reader: a broker may acknowledge what nobody is subscribed
to, and forget its queue when killed.  Deliveries that matter are settled by the reader's receipt
and sent again without one (protocols/concentrator).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from protocols.mqtt import Packet

Handler = Callable[[str, bytes], Awaitable[None]]
"""Takes topic and payload.  The broker hears of the message's safe arrival only when it is done."""

PacketHandler = Callable[[Packet], Awaitable[None]]
"""As `Handler`, for one who also reads what MQTT 5 carries beside the payload."""


class BrokerUnavailable(ConnectionError):
    """The broker did not acknowledge.

    `sent` is False when nothing left this process, so that nobody can have acted on it; True when
    it may have arrived all the same.
    """

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes when the session's connection breaks without a farewell."""

    topic: str
    payload: bytes
    retain: bool = True


class Broker(Protocol):
    """A session with a broker that outlives its connections."""

    @property
    def connected(self) -> bool:
        """Whether a connection stands, as far as this side knows."""
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a message to the broker.  Raises `BrokerUnavailable`; does not try again."""
        ...

    async def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have `handler` called for each message on matching topics, from now on and after every
        reconnection.  Messages of one topic come one after the other, those of different topics
        side by side; a message may come twice."""
        ...


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic falls under a filter with `+` and `#` (MQTT 3.1.1, 4.7)."""
    if topic.startswith("$") and topic_filter[:1] in {"+", "#"}:
        return False  # 4.7.2: wildcards do not reach the broker's own topics
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index == len(levels) or level not in {"+", levels[index]}:
            return False
    return len(wanted) == len(levels)
