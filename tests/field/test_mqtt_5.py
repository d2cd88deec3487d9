"""What MQTT 5 carries beside a payload, by a real broker and by the one in the process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.field.bus import Bus, BusClient
from headend.field.mqtt import Address, MqttBroker
from headend.field.mqtt_properties import read, written
from protocols.mqtt import NO_PROPERTIES, Packet, Properties
from tests.field.live_broker import SOON_S, mosquitto, session

ALL = Properties(
    response_topic="cim/v1/replies/TABLERO/ROUTER",
    correlation=b"\x00\xff TABLERO/m-1",
    expiry_s=90,
    content_type="application/xml",
    user=(("noun", "Feeder"), ("noun", "twice"), ("ñ", "é")),
)
text = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=20)
properties = st.builds(
    Properties,
    response_topic=st.none() | text,
    correlation=st.none() | st.binary(max_size=40),
    expiry_s=st.none() | st.integers(0, 2**32 - 1),
    content_type=st.none() | text,
    user=st.lists(st.tuples(text, text), max_size=3).map(tuple),
)


@given(properties)
def test_properties_become_paho_s_and_are_read_back(given_: Properties) -> None:
    assert read(written(given_)) == given_


def test_nothing_is_nothing() -> None:
    assert read(None) is NO_PROPERTIES
    assert read(written(NO_PROPERTIES)) == NO_PROPERTIES


class Heard(asyncio.Queue[Packet]):
    async def __call__(self, packet: Packet) -> None:
        self.put_nowait(packet)


@pytest.mark.live
@pytest.mark.requires("mosquitto")
async def test_mosquitto_carries_them_and_keeps_the_session(tmp_path: Path) -> None:
    heard, again = Heard(), Heard()
    async with mosquitto(tmp_path) as broker:
        async with session(broker.port, "reader", version_5=True) as reader:
            await reader.listen("t", heard)
            async with session(broker.port, "writer", version_5=True) as writer:
                await writer.publish("t", b"1", properties=ALL)
                async with asyncio.timeout(SOON_S):
                    packet = await heard.get()
        assert packet.payload == b"1"
        assert packet.properties.expiry_s is not None and packet.properties.expiry_s <= 90
        beside = packet.properties
        assert (beside.response_topic, beside.correlation, beside.content_type, beside.user) == (
            ALL.response_topic, ALL.correlation, ALL.content_type, ALL.user,
        )  # fmt: skip
        # What comes while the reader is away waits for it; a 3.1.1 client has nothing beside it.
        async with session(broker.port, "old") as old:
            await old.publish("t", b"2", properties=ALL)
        successor = MqttBroker(
            Address("127.0.0.1", broker.port), client_id="reader", version_5=True
        )
        await successor.listen("t", again)
        await successor.start()
        async with asyncio.timeout(SOON_S):
            assert await again.get() == Packet("t", b"2", NO_PROPERTIES)
        await successor.stop()


async def test_the_bus_carries_them() -> None:
    bus, heard = Bus(), Heard()
    reader, writer = BusClient(bus, "reader"), BusClient(bus, "writer")
    await reader.connect()
    await writer.connect()
    await reader.listen("t", heard)
    await writer.publish("t", b"1", properties=ALL)
    await writer.publish("t", b"2")
    assert await heard.get() == Packet("t", b"1", ALL)
    assert await heard.get() == Packet("t", b"2")


async def test_the_bus_drops_what_has_expired_and_says_what_is_left() -> None:
    bus, heard = Bus(), Heard()
    reader, writer = BusClient(bus, "reader"), BusClient(bus, "writer")
    await reader.connect()
    await writer.connect()
    await reader.listen("t", heard)
    reader.drop()
    await asyncio.sleep(1)
    await writer.publish("t", b"short", properties=Properties(expiry_s=10))
    await writer.publish("t", b"long", properties=Properties(expiry_s=60))
    await asyncio.sleep(20)
    await reader.connect()
    assert await heard.get() == Packet("t", b"long", Properties(expiry_s=40))
    assert heard.empty()
