"""Notices on the head-end's own broker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from headend.config.notify import MqttChannel
from headend.domain.notice import Notice
from headend.notify.message import Said, encode, topic_of
from headend.notify.sending import NotSent


@dataclass(frozen=True, slots=True)
class ByMqtt:
    """A `Way`.  `publish(topic, payload)` raises `ConnectionError` while the broker is away."""

    channel: MqttChannel
    publish: Callable[[str, bytes], Awaitable[None]]

    async def send(self, notice: Notice, what: Said) -> None:
        try:
            await self.publish(topic_of(self.channel.topic, notice), encode(what))
        except ConnectionError as error:
            raise NotSent(str(error)) from error
