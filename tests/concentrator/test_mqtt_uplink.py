"""The uplink at a real Mosquitto: silence, wills, persistent sessions, acknowledgement by hand."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import msgspec
import pytest

from devices.clock import FieldDriver
from devices.clock import world as world_clock
from devices.field_spec import FieldSpec, one_transformer
from devices.gateway.mqtt import Address, MqttUplink
from devices.gateway.uplink import Will
from devices.world import World
from headend.field.mosquitto import Mosquitto
from protocols.concentrator import topics
from protocols.concentrator.messages import (
    Action,
    Execute,
    Online,
    ReceiptToConcentrator,
    Result,
    Status,
    decode_upward,
    encode,
)

pytestmark = [pytest.mark.live, pytest.mark.requires("mosquitto")]
NAME = "C-001"
WILL = Will(topics.status(NAME), b"gone")
SOON_S = 10.0  # ends a wait that has failed; no test is meant to come near it
KEEPALIVE_S = 1


class Heard:
    """Ears that write down what they hear."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[object] = asyncio.Queue()
        self.on_message: Callable[[bytes], None] = lambda payload: None

    def up(self) -> None:
        self.news.put_nowait("up")

    def down(self, why: str) -> None:
        self.news.put_nowait("down")

    def message(self, topic: str, payload: bytes) -> None:
        self.on_message(payload)
        self.news.put_nowait(payload)

    async def next(self) -> object:
        return await asyncio.wait_for(self.news.get(), SOON_S)


@asynccontextmanager
async def broker(directory: Path) -> AsyncIterator[Mosquitto]:
    mosquitto = Mosquitto(directory)
    await mosquitto.start()
    try:
        yield mosquitto
    finally:
        await mosquitto.stop()


@asynccontextmanager
async def uplink(
    mosquitto: Mosquitto, name: str = NAME, **options: object
) -> AsyncIterator[MqttUplink]:
    link = MqttUplink(
        Address("127.0.0.1", mosquitto.port), name, lambda action: action(), **options
    )
    await link.start()
    link.restore()
    try:
        yield link
    finally:
        await link.stop()


async def next_payload(client: aiomqtt.Client) -> bytes:
    message = await asyncio.wait_for(anext(client.messages), SOON_S)
    return bytes(message.payload)


async def test_up_down_and_messages_both_ways(tmp_path: Path) -> None:
    async with (
        broker(tmp_path) as mosquitto,
        uplink(mosquitto) as link,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as head_end,
    ):
        await head_end.subscribe(topics.ALL_UP, qos=1)
        ears = Heard()
        link.publish(topics.up(NAME), b"lost: there is no connection")
        link.connect(WILL, ears)
        assert await ears.next() == "up"
        for number in range(20):
            link.publish(topics.up(NAME), b"%d" % number)
        assert [await next_payload(head_end) for _ in range(20)] == [
            b"%d" % number for number in range(20)
        ]
        await head_end.publish(topics.down(NAME), b"do", qos=1)
        assert await ears.next() == b"do"


async def test_an_end_that_nobody_waits_for_is_no_complaint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    link = MqttUplink(Address("127.0.0.1", 1), NAME, lambda action: action())
    client = link._new_client(WILL)  # of a session that is dropped while it takes leave
    client._disconnected.set_exception(aiomqtt.MqttError("Unexpected disconnection"))
    await asyncio.sleep(0)
    del client
    gc.collect()  # what nobody looked at is complained about when it is collected
    assert "never retrieved" not in caplog.text


async def test_silence_until_the_keep_alive_ends_it(tmp_path: Path) -> None:
    """One line is cut, one device loses its power: the broker sees the same of both."""
    async with (
        broker(tmp_path) as mosquitto,
        uplink(mosquitto, keepalive_s=KEEPALIVE_S) as cut,
        uplink(mosquitto, "C-002", keepalive_s=KEEPALIVE_S) as dark,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as head_end,
    ):
        await head_end.subscribe(topics.ALL_STATUS, qos=1)
        await head_end.subscribe(topics.ALL_UP, qos=1)
        ears = Heard(), Heard()
        for link, name, ear in zip((cut, dark), (NAME, "C-002"), ears, strict=True):
            link.connect(Will(topics.status(name), b"gone " + name.encode()), ear)
            assert await ear.next() == "up"
        cut.cut()
        cut.publish(topics.up(NAME), b"held")
        dark.cut()
        dark.drop()
        wills = {await next_payload(head_end), await next_payload(head_end)}
        assert wills == {b"gone C-001", b"gone C-002"}  # and not what was held
        assert await ears[0].next() == "down"
        await head_end.publish(topics.down("C-002"), b"waits in the session", qos=1)
        assert ears[1].news.empty()  # a device without power hears nothing
        for link, ear in zip((cut, dark), ears, strict=True):
            link.restore()
            link.connect(WILL, ear)
        assert await ears[0].next() == "up"
        assert {await ears[1].next(), await ears[1].next()} == {"up", b"waits in the session"}


async def test_what_was_not_taken_in_is_not_acknowledged(tmp_path: Path) -> None:
    """A reboot while a message is taken in: the broker brings it again."""
    async with (
        broker(tmp_path) as mosquitto,
        uplink(mosquitto) as link,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as head_end,
    ):
        ears = Heard()

        def reboot(payload: bytes) -> None:
            ears.on_message = lambda payload: None
            link.cut()
            link.drop()

        ears.on_message = reboot
        link.connect(WILL, ears)
        assert await ears.next() == "up"
        await head_end.publish(topics.down(NAME), b"do", qos=1)
        assert await ears.next() == b"do"
        link.restore()
        link.connect(WILL, ears)
        assert {await ears.next(), await ears.next()} == {"up", b"do"}


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    link = MqttUplink(Address("127.0.0.1", port), NAME, lambda action: action())
    await link.start()
    link.restore()
    ears = Heard()
    link.connect(WILL, ears)
    assert await ears.next() == "down"
    await link.stop()


async def test_a_farewell_publishes_no_will(tmp_path: Path) -> None:
    async with (
        broker(tmp_path) as mosquitto,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as head_end,
    ):
        await head_end.subscribe(topics.ALL_STATUS, qos=1)
        ears = Heard()
        async with uplink(mosquitto, keepalive_s=KEEPALIVE_S) as link:
            link.connect(WILL, ears)
            assert await ears.next() == "up"
        await head_end.publish(topics.status("other"), b"afterwards", qos=1)
        assert await next_payload(head_end) == b"afterwards"


async def test_a_whole_concentrator_on_real_sockets(tmp_path: Path) -> None:
    async with (
        broker(tmp_path) as mosquitto,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as head_end,
    ):
        await head_end.subscribe(f"{topics.ROOT}/#", qos=1)
        driver = FieldDriver(world_clock(datetime(2026, 7, 6, 10, tzinfo=UTC)))
        links: list[MqttUplink] = []

        def new_uplink(name: str) -> MqttUplink:
            links.append(MqttUplink(Address("127.0.0.1", mosquitto.port), name, driver.enter))
            return links[-1]

        field = World(
            driver.env,
            FieldSpec((one_transformer(1),)),
            1,
            uplinks=new_uplink,
            driver=driver,
        )
        for link in links:
            await link.start()
        driver.start()
        field.enter(field.start)
        now = datetime.fromtimestamp(driver.env.now, UTC)
        command = Execute(
            id="H1",
            order="1",
            attempt=1,
            meter="90000001",
            action=Action.READ_SUPPLY,
            not_after=now + timedelta(minutes=5),
        )
        seen: list[str] = []
        async with asyncio.timeout(SOON_S):
            async for message in head_end.messages:
                if message.topic.value.endswith("/down"):
                    continue
                told = decode_upward(bytes(message.payload))
                seen.append(type(told).__name__)
                if isinstance(told, Online):
                    await head_end.publish(topics.down(NAME), encode(command), qos=1)
                if isinstance(told, Result):
                    break
        assert seen == ["Online", "Accepted", "ReceiptFromConcentrator", "Result"]
        assert told.status is Status.DONE and told.supply.output_on
        receipt = ReceiptToConcentrator(id="H2", of=told.id)
        await head_end.publish(topics.down(NAME), encode(receipt), qos=1)
        async with asyncio.timeout(SOON_S):
            while field.concentrators[NAME].flash.outbox:
                await asyncio.sleep(0.01)
        assert msgspec.json.decode(encode(told))["type"] == "result"
        driver.stop()
        for link in links:
            await link.stop()
