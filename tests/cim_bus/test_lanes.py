"""Packets on their way to a broker that is at times away."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from headend.clock import LoopClock
from headend.integration.bus import lanes as module
from headend.integration.bus.lanes import AT_ONCE, Lanes
from protocols.cim.bus.effects import Send
from protocols.mqtt import NO_PROPERTIES, Packet, Properties
from tests.conftest import SIMULATED_START

CLOCK = LoopClock(SIMULATED_START)


class Broker:
    """Acknowledges a second later; while `away` it refuses."""

    def __init__(self) -> None:
        self.away = False
        self.told: list[tuple[float, bytes]] = []
        self.at_once = self.most = 0

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        properties: Properties = NO_PROPERTIES,
    ) -> None:
        if self.away:
            raise ConnectionError("away")
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(1)
        self.at_once -= 1
        self.told.append((asyncio.get_running_loop().time(), payload))

    async def listen(self, topic_filter: str, handler: object) -> None:
        raise AssertionError("nothing here listens")


def send(payload: bytes, question: bytes = b"q", life_s: float = 60.0) -> Send:
    properties = Properties(correlation=question)
    return Send(Packet("t", payload, properties), CLOCK.now() + timedelta(seconds=life_s))


async def test_one_question_s_packets_go_in_order_and_several_questions_side_by_side() -> None:
    broker = Broker()
    lanes = Lanes(broker, CLOCK)
    begun = asyncio.get_running_loop().time()
    for payload, question in ((b"1", b"a"), (b"2", b"a"), (b"3", b"b")):
        lanes.send(send(payload, question))
    await asyncio.sleep(5)
    assert sorted(broker.told) == [(begun + 1, b"1"), (begun + 1, b"3"), (begun + 2, b"2")]
    assert (lanes.waiting, lanes.given_up) == (0, 0)


async def test_while_the_broker_is_away_a_packet_waits_as_long_as_it_may() -> None:
    broker = Broker()
    broker.away = True
    lanes = Lanes(broker, CLOCK)
    lanes.send(send(b"short", b"a", life_s=5))
    lanes.send(send(b"long", b"b", life_s=60))
    await asyncio.sleep(20)
    assert (lanes.waiting, lanes.given_up) == (1, 1)
    broker.away = False
    await asyncio.sleep(5)
    assert [payload for _, payload in broker.told] == [b"long"]
    assert (lanes.waiting, lanes.given_up) == (0, 1)


async def test_so_many_wait_and_so_many_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", AT_ONCE + 50)
    broker = Broker()
    lanes = Lanes(broker, CLOCK)
    for number in range(AT_ONCE + 60):
        lanes.send(send(b"", b"%d" % number))
    assert (lanes.waiting, lanes.given_up) == (AT_ONCE + 50, 10)
    await asyncio.sleep(5)
    assert (len(broker.told), broker.most) == (AT_ONCE + 50, AT_ONCE)


async def test_what_waits_is_dropped_at_the_end() -> None:
    broker = Broker()
    broker.away = True
    lanes = Lanes(broker, CLOCK)
    for number in range(3):
        lanes.send(send(b"%d" % number, b"a"))
    await asyncio.sleep(1)
    await lanes.stop()
    broker.away = False
    await asyncio.sleep(5)
    assert (broker.told, lanes.waiting) == ([], 0)
