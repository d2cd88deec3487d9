"""A Mosquitto and sessions with it, for tests on the ordinary loop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from headend.field.mosquitto import Mosquitto
from headend.field.mqtt import Address, MqttBroker

SOON_S = 20.0  # how long a test waits for what must come; never how long it takes


@asynccontextmanager
async def mosquitto(directory: Path) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(directory)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@asynccontextmanager
async def session(port: int, client_id: str, **options: object) -> AsyncIterator[MqttBroker]:
    client = MqttBroker(Address("127.0.0.1", port), client_id=client_id, **options)  # type: ignore[arg-type]
    await client.start()
    try:
        await client.until_connected(SOON_S)
        yield client
    finally:
        await client.stop()


async def kill(broker: Mosquitto) -> None:
    """kill -9, and wait until another one listens in its place."""
    before = broker.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(SOON_S):
        while broker.pid in (before, None):
            await asyncio.sleep(0.01)
