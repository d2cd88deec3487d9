"""The bus on the simulated clock: slow and cut lines, sessions, wills, redelivery, limits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from devices.clock import run_simulated
from headend.field.broker import BrokerUnavailable, Will
from headend.field.bus import INFLIGHT_MAX, Bus, BusClient


class Listener:
    """Notes what arrives and when; holds each message while `open` is not set."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, bytes]] = []
        self.done: list[bytes] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, topic: str, payload: bytes) -> None:
        self.heard.append((asyncio.get_running_loop().time(), topic, payload))
        await self.open.wait()
        self.done.append(payload)

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, _, payload in self.heard]


async def connected(bus: Bus, name: str, **options: object) -> BusClient:
    client = BusClient(bus, name, **options)  # type: ignore[arg-type]
    await client.connect()
    return client


async def test_a_slow_line_delays_each_direction() -> None:
    bus, heard = Bus(), Listener()
    reader = await connected(bus, "reader", delay_s=lambda octets: 0.25)
    await reader.subscribe("t", heard)
    writer = await connected(bus, "writer", delay_s=lambda octets: 1.0)
    begun = asyncio.get_running_loop().time()
    await writer.publish("t", b"x")
    assert asyncio.get_running_loop().time() == begun + 2.0  # there and back
    assert heard.heard == [(begun + 1.25, "t", b"x")]


async def test_packets_of_a_line_stay_in_order() -> None:
    bus, heard = Bus(), Listener()
    reader = await connected(bus, "reader")
    await reader.subscribe("t", heard)
    writer = await connected(bus, "writer", delay_s=lambda octets: 5.0 if octets > 500 else 0.1)
    sending = [asyncio.create_task(writer.publish("t", payload)) for payload in (b"L" * 900, b"s")]
    await asyncio.gather(*sending)
    assert heard.payloads == [b"L" * 900, b"s"]


async def test_nothing_leaves_without_a_connection() -> None:
    client = BusClient(Bus(), "c")
    with pytest.raises(BrokerUnavailable) as refused:
        await client.publish("t", b"x")
    assert refused.value.sent is False


async def test_a_cut_line_is_silent_and_then_resumes() -> None:
    bus, heard = Bus(), Listener()
    reader = await connected(bus, "reader", keepalive_s=60)
    await reader.subscribe("t", heard)
    writer = await connected(bus, "writer")
    reader.cut()
    await writer.publish("t", b"x")
    await asyncio.sleep(80)
    assert heard.heard == [] and reader.connected
    reader.restore()
    await asyncio.sleep(1)
    assert heard.payloads == [b"x"]
    await asyncio.sleep(1000)
    assert reader.connected


async def test_the_will_comes_one_and_a_half_keep_alives_after_the_silence() -> None:
    bus, heard, lost = Bus(), Listener(), []
    watcher = await connected(bus, "watcher")
    await watcher.subscribe("status", heard)
    client = await connected(
        bus, "c", will=Will("status", b"gone"), keepalive_s=40, on_lost=lost.append
    )
    cut_at = asyncio.get_running_loop().time()
    client.cut()
    with pytest.raises(BrokerUnavailable) as refused:
        await client.publish("t", b"x")
    assert refused.value.sent is True
    await asyncio.sleep(0.1)
    assert heard.heard == [(cut_at + 60, "status", b"gone")]
    assert bus.retained("status") == b"gone" and not client.connected and len(lost) == 1
    with pytest.raises(BrokerUnavailable):
        await client.connect()  # the line is still cut
    client.restore()
    await client.connect()
    await client.publish("status", b"here", retain=True)
    await asyncio.sleep(1000)
    assert heard.payloads == [b"gone", b"here"]


async def test_a_farewell_publishes_no_will() -> None:
    bus, heard = Bus(), Listener()
    watcher = await connected(bus, "watcher")
    await watcher.subscribe("status", heard)
    client = await connected(bus, "c", will=Will("status", b"gone"))
    await client.disconnect()
    await asyncio.sleep(1000)
    assert heard.heard == [] and not client.connected


async def test_what_was_published_before_a_socket_closes_precedes_the_will() -> None:
    bus, heard = Bus(), Listener()
    watcher = await connected(bus, "watcher")
    await watcher.subscribe("#", heard)
    client = await connected(bus, "c", will=Will("status", b"gone"), delay_s=lambda octets: 1.0)
    publishing = asyncio.create_task(client.publish("t", b"last"))
    await asyncio.sleep(0.5)
    client.drop()
    with pytest.raises(BrokerUnavailable):
        await publishing
    await asyncio.sleep(5)
    assert heard.payloads == [b"last", b"gone"]


async def test_a_session_keeps_messages_while_its_client_is_away() -> None:
    bus, heard = Bus(), Listener()
    reader = await connected(bus, "reader")
    await reader.subscribe("t", heard)
    await reader.disconnect()
    writer = await connected(bus, "writer")
    for payload in (b"1", b"2"):
        await writer.publish("t", payload)
    successor = BusClient(bus, "reader")  # the same session, from a process started anew
    await successor.subscribe("t", heard)
    await successor.connect()
    await asyncio.sleep(1)
    assert heard.payloads == [b"1", b"2"]


async def test_a_message_comes_again_until_its_handler_was_done() -> None:
    bus, heard = Bus(), Listener()
    heard.open.clear()
    reader = await connected(bus, "reader")
    await reader.subscribe("t", heard)
    writer = await connected(bus, "writer")
    await writer.publish("t", b"1")
    await writer.publish("t", b"2")
    await asyncio.sleep(1)
    reader.drop()  # while the first is being handled, and the second waits behind it
    await reader.connect()
    heard.open.set()
    await asyncio.sleep(1)
    assert heard.payloads == [b"1", b"1", b"2"]
    await reader.disconnect()
    await reader.connect()
    await asyncio.sleep(1)
    assert heard.payloads == [b"1", b"1", b"2"]  # acknowledged by now


async def test_a_slow_handler_holds_back_its_topic_alone() -> None:
    bus, slow, quick = Bus(), Listener(), Listener()
    slow.open.clear()
    reader = await connected(bus, "reader")
    await reader.subscribe("slow", slow)
    await reader.subscribe("quick", quick)
    writer = await connected(bus, "writer")
    for topic, payload in (("slow", b"1"), ("slow", b"2"), ("quick", b"3")):
        await writer.publish(topic, payload)
    await asyncio.sleep(1)
    assert (slow.payloads, quick.done) == ([b"1"], [b"3"])
    slow.open.set()
    await asyncio.sleep(1)
    assert slow.done == [b"1", b"2"]


async def test_queues_are_bounded_and_say_what_they_dropped() -> None:
    bus, heard = Bus(queued_max=5), Listener()
    reader = await connected(bus, "reader")
    await reader.subscribe("t", heard)
    await reader.disconnect()
    writer = await connected(bus, "writer")
    for number in range(8):
        await writer.publish("t", b"%d" % number)
    assert bus.dropped("reader") == 3 and bus.dropped("writer") == 0
    await reader.connect()
    await asyncio.sleep(1)
    assert heard.payloads == [b"0", b"1", b"2", b"3", b"4"]


async def test_no_more_than_the_window_is_on_its_way_unacknowledged() -> None:
    bus, heard = Bus(), Listener()
    heard.open.clear()
    reader = await connected(bus, "reader")
    await reader.subscribe("t/+", heard)
    writer = await connected(bus, "writer")
    for number in range(INFLIGHT_MAX + 5):
        await writer.publish(f"t/{number}", b"x")
    await asyncio.sleep(1)
    assert len(heard.heard) == INFLIGHT_MAX
    heard.open.set()
    await asyncio.sleep(1)
    assert len(heard.heard) == INFLIGHT_MAX + 5


async def test_an_empty_retained_message_clears_the_topic() -> None:
    bus, heard = Bus(), Listener()
    writer = await connected(bus, "writer")
    await writer.publish("t", b"x", retain=True)
    await writer.publish("t", b"", retain=True)
    reader = await connected(bus, "reader")
    await reader.subscribe("t", heard)
    await asyncio.sleep(1)
    assert heard.heard == [] and bus.retained("t") is None


async def test_a_taken_over_session_is_lost_to_the_one_before() -> None:
    bus, heard, lost = Bus(), Listener(), []
    watcher = await connected(bus, "watcher")
    await watcher.subscribe("status", heard)
    will = Will("status", b"gone")
    first = await connected(bus, "c", will=will, on_lost=lost.append)
    second = await connected(bus, "c", will=will)
    await asyncio.sleep(1)
    assert (first.connected, second.connected) == (False, True)
    assert lost == ["another connection took the session over"]
    assert heard.payloads == []  # as Mosquitto does; see test_mosquitto


def test_a_handler_s_error_ends_a_simulated_run() -> None:
    async def broken(topic: str, payload: bytes) -> None:
        raise ZeroDivisionError

    async def run() -> None:
        client = await connected(Bus(), "c")
        await client.subscribe("t", broken)
        await client.publish("t", b"x")
        await asyncio.sleep(1)

    with pytest.raises(ZeroDivisionError):
        run_simulated(run(), start=datetime(2026, 7, 6, tzinfo=UTC))
