"""A broker whose messages to and from concentrators are also written to a capture."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from headend.field.broker import Broker, Handler
from protocols.capture.recorder import Recorder
from protocols.concentrator import topics

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecordingBroker:
    """Implements `Broker`: passes everything on, and writes down what concerns concentrators."""

    def __init__(self, broker: Broker, recorder: Recorder, now: Callable[[], datetime]) -> None:
        self._broker = broker
        self._recorder = recorder
        self._now = now

    @property
    def connected(self) -> bool:
        return self._broker.connected

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._note(topic, payload, up=False)
        await self._broker.publish(topic, payload, retain=retain)

    async def subscribe(self, topic_filter: str, handler: Handler) -> None:
        async def heard(topic: str, payload: bytes) -> None:
            self._note(topic, payload, up=True)
            await handler(topic, payload)

        await self._broker.subscribe(topic_filter, heard)

    def _note(self, topic: str, payload: bytes, *, up: bool) -> None:
        if topic.startswith(f"{topics.ROOT}/"):
            now_us = (self._now() - _EPOCH) // timedelta(microseconds=1)
            self._recorder.message(now_us, topic, payload, up=up)
