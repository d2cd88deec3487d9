"""MQTT 5's properties between our plain data and paho's objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as Paho

from protocols.mqtt import NO_PROPERTIES, Properties

SESSION_KEPT_S: Final = 7 * 86_400  # how long a broker keeps what waits for one who is away

_paho: Final[Callable[[int], Any]] = Paho  # it carries no types


def written(properties: Properties) -> Paho:
    """A publication's properties as paho sends them."""
    made = _paho(PacketTypes.PUBLISH)
    if properties.response_topic is not None:
        made.ResponseTopic = properties.response_topic
    if properties.correlation is not None:
        made.CorrelationData = properties.correlation
    if properties.expiry_s is not None:
        made.MessageExpiryInterval = properties.expiry_s
    if properties.content_type is not None:
        made.ContentType = properties.content_type
    if properties.user:
        made.UserProperty = list(properties.user)
    written_: Paho = made
    return written_


def read(properties: Paho | None) -> Properties:
    """What came beside a payload; nothing with MQTT 3.1.1."""
    if properties is None:
        return NO_PROPERTIES
    return Properties(
        response_topic=getattr(properties, "ResponseTopic", None),
        correlation=getattr(properties, "CorrelationData", None),
        expiry_s=getattr(properties, "MessageExpiryInterval", None),
        content_type=getattr(properties, "ContentType", None),
        user=tuple((str(name), str(value)) for name, value in _user(properties)),
    )


def _user(properties: Paho) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = getattr(properties, "UserProperty", [])
    return found


def session_kept(kept: bool) -> Paho:
    """What CONNECT says of the session: that it outlives connections, or ends with them."""
    made = _paho(PacketTypes.CONNECT)
    made.SessionExpiryInterval = SESSION_KEPT_S if kept else 0
    said: Paho = made
    return said
