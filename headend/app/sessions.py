"""The broker of a live head-end: the configured one, a Mosquitto of its own, or the bus inside the
process where there is no Mosquitto; and sessions with it.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from headend import certificates
from headend.config import Config, Tls
from headend.config.notify import MqttChannel
from headend.field import mosquitto
from headend.field.admission import Admission
from headend.field.broker import Broker
from headend.field.broker import Will as BusWill
from headend.field.bus import Bus, BusClient
from headend.field.mosquitto import MosquittoFailed
from headend.field.mqtt import Address, MqttBroker, Sharing
from protocols.commercial import messages as commercial
from protocols.concentrator import topics

__all__ = [
    "Address",
    "Broker",
    "Bus",
    "BusClient",
    "BusWill",
    "MosquittoFailed",
    "find_broker",
    "open_session",
    "session_at",
    "sharing_of",
]

OWN_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where we reach what listens everywhere
BROKER_WITHIN_S = 5.0  # to a broker that runs; a supervisor starts us again where it comes later


def session_at(
    where: Address | Bus, client_id: str, sharing: Sharing | None = None
) -> MqttBroker | BusClient:
    """A session with a broker, not opened yet: subscribe first, and nothing in it is missed."""
    if isinstance(where, Bus):
        return BusClient(where, client_id)
    return MqttBroker(where, client_id=client_id, sharing=sharing)


def sharing_of(config: Config) -> Sharing | None:
    """What this worker takes turns at with the others on its broker; None where it is alone."""
    if config.mqtt.share is None:
        return None
    receipts = commercial.receipts(config.delivery.topic_root)
    return Sharing(config.mqtt.share, frozenset({topics.ALL_UP, receipts}))


@asynccontextmanager
async def open_session(session: MqttBroker | BusClient) -> AsyncIterator[None]:
    """Open a session for as long as the context lasts.  Raises `ConnectionError`."""
    if isinstance(session, BusClient):
        await session.connect()
        try:
            yield
        finally:
            await session.disconnect()
        return
    await session.start()
    try:
        await session.until_connected(BROKER_WITHIN_S)
        yield
    finally:
        await session.stop()


async def find_broker(config: Config, stack: AsyncExitStack) -> Address | Bus:
    """The configured broker, or one of our own."""
    mqtt, tls = config.mqtt, config.mqtt.tls
    if mqtt.host is not None:
        port = mqtt.port or (1883 if tls is None else 8883)  # as registered with IANA
        return Address(mqtt.host, port, tls=None if tls is None else certificates.to_servers(tls))
    if mosquitto.find() is None:
        return Bus()
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ami-mosquitto-")))
    listen = mqtt.listen.strip("[]")
    child = mosquitto.Mosquitto(
        directory,
        port=mqtt.port or None,
        host=listen,
        admission=None if tls is None else _admission(config, tls),
    )
    await child.start()
    stack.push_async_callback(child.stop)
    return Address(
        OWN_HOST.get(listen, listen),
        child.port,
        tls=None if tls is None else certificates.to_ourselves(tls),
    )


def _admission(config: Config, tls: Tls) -> Admission:
    """Whom our own broker lets in."""
    return Admission(
        certificate=tls.certificate,
        key=tls.key,
        client_authority=tls.client_authority,
        head_end=certificates.user_name(tls, "mqtt.tls"),
        queue_root=config.delivery.topic_root,
        queue_readers=config.mqtt.queue_readers,
        notice_roots=tuple(each.topic for each in config.channel if isinstance(each, MqttChannel)),
        revoked=tls.revoked,
    )
