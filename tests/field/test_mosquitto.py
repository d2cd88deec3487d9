"""A real broker: the traps of MQTT clients and brokers, each sprung once (facts of Mosquitto 2.0
and aiomqtt 2.5.1)."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiomqtt
import pytest

from headend.field.broker import BrokerUnavailable, Will
from headend.field.mosquitto import Mosquitto, MosquittoFailed
from headend.field.mqtt import Address, MqttBroker
from tests.field.live_broker import SOON_S, kill, mosquitto, session
from tests.house.source import ROOT

pytestmark = [pytest.mark.live, pytest.mark.requires("mosquitto")]


class Inbox:
    """What came, in order.  `hold` keeps handlers from finishing."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self._news = asyncio.Condition()

    async def __call__(self, topic: str, payload: bytes) -> None:
        async with self._news:
            self.payloads.append(payload)
            self._news.notify_all()
        await self.hold.wait()

    async def until(self, count: int) -> list[bytes]:
        async with asyncio.timeout(SOON_S), self._news:
            await self._news.wait_for(lambda: len(self.payloads) >= count)
        return self.payloads


async def test_publish_and_subscribe(tmp_path: Path) -> None:
    inbox = Inbox()
    async with (
        mosquitto(tmp_path) as broker,
        session(broker.port, "reader") as reader,
        session(broker.port, "writer") as writer,
    ):
        await reader.subscribe("t/+", inbox)
        for number in range(100):
            await writer.publish("t/x", b"%d" % number)
        assert await inbox.until(100) == [b"%d" % number for number in range(100)]


async def test_a_message_is_not_acknowledged_before_its_handler_is_done(tmp_path: Path) -> None:
    """aiomqtt by itself acknowledges on arrival; a process that dies then has lost the message."""
    inbox, again = Inbox(), Inbox()
    inbox.hold.clear()
    async with mosquitto(tmp_path) as broker, session(broker.port, "writer") as writer:
        async with session(broker.port, "reader") as reader:
            await reader.subscribe("t", inbox)
            await writer.publish("t", b"1")
            await inbox.until(1)
        # The process ended with the message in its handler; its successor gets it.
        successor = MqttBroker(Address("127.0.0.1", broker.port), client_id="reader")
        await successor.subscribe("t", again)
        await successor.start()
        assert await again.until(1) == [b"1"]
        await successor.stop()


async def test_a_message_whose_handler_was_done_does_not_come_again(tmp_path: Path) -> None:
    first, again = Inbox(), Inbox()
    async with mosquitto(tmp_path) as broker, session(broker.port, "writer") as writer:
        async with session(broker.port, "reader") as reader:
            await reader.subscribe("t", first)
            await writer.publish("t", b"1")
            await first.until(1)
        successor = MqttBroker(Address("127.0.0.1", broker.port), client_id="reader")
        await successor.subscribe("t", again)
        await successor.start()
        await successor.until_connected(SOON_S)
        await writer.publish("t", b"2")
        assert await again.until(1) == [b"2"]
        await successor.stop()


async def test_a_handler_that_fails_is_logged_and_does_not_stop_the_others(tmp_path: Path) -> None:
    inbox = Inbox()

    async def fails_once(topic: str, payload: bytes) -> None:
        if payload == b"bad":
            raise ValueError("cannot read this")
        await inbox(topic, payload)

    async with mosquitto(tmp_path) as broker, session(broker.port, "c") as client:
        await client.subscribe("t", fails_once)
        await client.publish("t", b"bad")
        await client.publish("t", b"good")
        assert await inbox.until(1) == [b"good"]


async def test_a_killed_broker_comes_back_and_its_clients_find_it(tmp_path: Path) -> None:
    inbox = Inbox()
    async with mosquitto(tmp_path) as broker, session(broker.port, "c") as client:
        port = broker.port
        await client.subscribe("t", inbox)
        await client.publish("t", b"before")
        await inbox.until(1)
        await kill(broker)
        assert broker.port == port
        async with asyncio.timeout(SOON_S):
            while True:  # aiomqtt alone would not reconnect
                try:
                    await client.publish("t", b"after")
                    break
                except BrokerUnavailable:
                    await asyncio.sleep(0.02)
        assert (await inbox.until(2))[-1] == b"after"


async def test_no_publication_is_believed_that_a_killed_broker_did_not_acknowledge(
    tmp_path: Path,
) -> None:
    """The broker stops answering, then dies: the publisher hears that it may have been sent."""
    async with mosquitto(tmp_path) as broker, session(broker.port, "c") as client:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        publishing = asyncio.create_task(client.publish("t", b"x"))
        await asyncio.sleep(0)
        os.kill(broker.pid, signal.SIGKILL)
        with pytest.raises(BrokerUnavailable) as refused:
            await publishing
        assert refused.value.sent is True


async def test_queued_messages_survive_a_kill_once_saved(tmp_path: Path) -> None:
    """With Mosquitto's default of half an hour between saves, all of them would be forgotten."""
    inbox = Inbox()
    async with mosquitto(tmp_path) as broker, session(broker.port, "writer") as writer:
        async with session(broker.port, "reader") as reader:
            await reader.subscribe("t", inbox)
        saved = tmp_path / "mosquitto.db"
        for number in range(10):
            await writer.publish("t", b"%d" % number)
        before = saved.stat().st_mtime_ns if saved.exists() else 0
        async with asyncio.timeout(SOON_S):
            while not saved.exists() or saved.stat().st_mtime_ns == before:
                await asyncio.sleep(0.05)
        await kill(broker)
        successor = MqttBroker(Address("127.0.0.1", broker.port), client_id="reader")
        await successor.subscribe("t", inbox)
        await successor.start()
        assert await inbox.until(10) == [b"%d" % number for number in range(10)]
        await successor.stop()


async def test_an_acknowledgement_by_the_broker_is_no_delivery(tmp_path: Path) -> None:
    """Nobody is subscribed, and the broker acknowledges all the same: hence receipts."""
    inbox = Inbox()
    async with mosquitto(tmp_path) as broker, session(broker.port, "writer") as writer:
        await writer.publish("t", b"lost")
        async with session(broker.port, "reader") as reader:
            await reader.subscribe("t", inbox)
            await writer.publish("t", b"heard")
            assert await inbox.until(1) == [b"heard"]


async def test_retained_status_and_last_will(tmp_path: Path) -> None:
    inbox, late = Inbox(), Inbox()
    async with mosquitto(tmp_path) as broker, session(broker.port, "watcher") as watcher:
        await watcher.subscribe("status", inbox)
        # A process that is killed takes no leave.
        script = (
            "import asyncio, sys\n"
            "from headend.field.broker import Will\n"
            "from headend.field.mqtt import Address, MqttBroker\n"
            "async def main():\n"
            "    c = MqttBroker(Address('127.0.0.1', int(sys.argv[1])), client_id='c',"
            " will=Will('status', b'gone'))\n"
            "    await c.start()\n"
            "    await c.until_connected(20)\n"
            "    await c.publish('status', b'here', retain=True)\n"
            "    await asyncio.sleep(60)\n"
            "asyncio.run(main())\n"
        )
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(broker.port), cwd=ROOT
        )
        assert await inbox.until(1) == [b"here"]
        child.kill()
        await child.wait()
        assert await inbox.until(2) == [b"here", b"gone"]
        await watcher.subscribe("status/#", late)  # also matches "status": the retained one comes
        assert await late.until(1) == [b"gone"]


async def test_a_farewell_publishes_no_will(tmp_path: Path) -> None:
    inbox = Inbox()
    async with mosquitto(tmp_path) as broker, session(broker.port, "watcher") as watcher:
        await watcher.subscribe("status", inbox)
        async with session(broker.port, "c", will=Will("status", b"gone")):
            pass
        await watcher.publish("status", b"next")
        assert await inbox.until(1) == [b"next"]


async def test_a_session_that_is_taken_over_publishes_no_will(tmp_path: Path) -> None:
    """Against MQTT 3.1.1 (3.1.2.5), and what the bus imitates: a device that comes back before its
    silence was noticed leaves no word of having been away but its next `online`."""
    inbox = Inbox()
    async with mosquitto(tmp_path) as broker, session(broker.port, "watcher") as watcher:
        await watcher.subscribe("status", inbox)
        async with AsyncExitStack() as stack:
            for number in (1, 2):
                device = aiomqtt.Client(
                    "127.0.0.1",
                    broker.port,
                    identifier="device",
                    clean_session=False,
                    will=aiomqtt.Will("status", b"gone %d" % number, qos=1, retain=True),
                )
                await stack.enter_async_context(device)
            await device.publish("status", b"online", qos=1)
            assert await inbox.until(1) == [b"online"]


async def test_a_round_trip_does_not_wait_for_nagle(tmp_path: Path) -> None:
    """Asked and answered takes a millisecond.  Without TCP_NODELAY on either side the median is
    above 40 ms on any machine: the kernel's timer for delayed acknowledgements, not its speed."""
    inbox = Inbox()
    async with (
        mosquitto(tmp_path) as broker,
        session(broker.port, "asked") as asked,
        session(broker.port, "asking") as asking,
    ):

        async def answer(topic: str, payload: bytes) -> None:
            await asked.publish("answer", payload)

        await asked.subscribe("question", answer)
        await asking.subscribe("answer", inbox)
        loop = asyncio.get_running_loop()
        took_s = []
        for number in range(31):
            begun = loop.time()
            await asking.publish("question", b"x" * 300)
            await inbox.until(number + 1)
            took_s.append(loop.time() - begun)
        assert statistics.median(took_s) < 0.040


async def test_hundreds_of_publications_at_once_draw_no_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    async with (
        mosquitto(tmp_path) as broker,
        session(broker.port, "reader") as reader,
        session(broker.port, "writer") as writer,
    ):
        await reader.subscribe("t", inbox)
        await asyncio.gather(*(writer.publish("t", b"%d" % number) for number in range(500)))
        assert len(await inbox.until(500)) == 500
    assert "pending publish calls" not in caplog.text


async def test_publishing_without_a_broker_says_so_at_once() -> None:
    client = MqttBroker(Address("127.0.0.1", 1), client_id="c")
    await client.start()
    with pytest.raises(BrokerUnavailable) as refused:
        await client.publish("t", b"x")
    assert refused.value.sent is False
    with pytest.raises(BrokerUnavailable, match="no broker at 127.0.0.1:1"):
        await client.until_connected(0.05)
    await client.stop()


async def test_a_port_that_is_taken_is_named_in_the_error(tmp_path: Path) -> None:
    async with mosquitto(tmp_path / "one") as broker:
        second = Mosquitto(tmp_path / "two", port=broker.port)
        with pytest.raises(MosquittoFailed, match="(?i)address already in use"):
            await second.start()


async def test_the_broker_dies_with_its_head_end(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys, pathlib\n"
        "from headend.field.mosquitto import Mosquitto\n"
        "async def main():\n"
        "    broker = Mosquitto(pathlib.Path(sys.argv[1]))\n"
        "    await broker.start()\n"
        "    print('pid', broker.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        line = b""
        while not line.startswith(b"pid "):  # log lines come before it
            line = await asyncio.to_thread(parent.stdout.readline)
        broker = int(line.split()[1])
        assert _alive(broker)
        parent.kill()
    async with asyncio.timeout(SOON_S):
        while _alive(broker):
            await asyncio.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
