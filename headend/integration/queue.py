"""The result queue: MQTT topics that the integration platform reads (protocols/commercial)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from headend.integration.outbox import NotDelivered
from headend.ports import Outgoing
from protocols.commercial import messages

_log = structlog.get_logger("queue")


@dataclass(frozen=True, slots=True)
class ResultQueue:
    """A `Channel`.  `publish(topic, payload)` raises `ConnectionError` while the broker is away."""

    publish: Callable[[str, bytes], Awaitable[None]]
    root: str

    async def deliver(self, outgoing: Outgoing) -> bool:
        try:
            await self.publish(messages.results(self.root), outgoing.body)
        except ConnectionError as error:
            raise NotDelivered(str(error)) from error
        return False

    def receipts(
        self, acknowledged: Callable[[str], Awaitable[None]]
    ) -> Callable[[str, bytes], Awaitable[None]]:
        """The handler of the receipt topic."""

        async def heard(topic: str, payload: bytes) -> None:
            try:
                receipt = messages.decode_receipt(payload)
            except messages.UnknownMessage as error:
                _log.warning("receipt not understood", topic=topic, why=str(error))
                return
            await acknowledged(receipt.message_id)

        return heard
