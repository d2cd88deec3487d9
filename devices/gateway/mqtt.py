"""A concentrator's uplink to a real broker, by aiomqtt, over a mobile line that may fall silent.

What aiomqtt leaves to its user is done here: it acknowledges a message before anybody has seen it,
so acknowledgement is taken over through its paho client; without TCP_NODELAY a round trip takes
40 ms more; it warns above ten calls under way; and when a broker hangs up before it has answered
CONNECT, it waits on.  It does not reconnect, and must not: that is the device's affair, which knows
its modem (`devices.concentrator.online`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices.gateway.mobile_line import Delay, MobileLine
from devices.gateway.uplink import Ears, Will
from protocols.concentrator import topics

CONNECT_TIMEOUT_S = 15.0
KEEPALIVE_S = 30
CALLS_UNDER_WAY_MAX = 200
CLOSED = "the broker closed the connection"
HUNG_UP = "the broker hung up before it let us in"
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

Enter = Callable[[Callable[[], None]], object]
"""Runs something inside the world: `World.enter`."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is, and what it asks of its clients."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"Address({self.host!r}, {self.port})"  # a password reaches no log


class _Client(aiomqtt.Client):
    """An aiomqtt client whose messages are acknowledged by hand.  Its paho client is private to
    aiomqtt; this class is the only place that touches it, and a test with a broker holds it."""

    def acknowledge_by_hand(self) -> None:
        self._client.manual_ack_set(True)

    def end_unseen(self) -> None:
        """Let nobody complain of an end that nobody waits for: of a session that was dropped."""
        self._disconnected.add_done_callback(lambda end: end.cancelled() or end.exception())

    def acknowledge(self, message: aiomqtt.Message) -> None:
        self._client.ack(message.mid, message.qos)

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: object,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if not self._connected.done():  # nobody will answer CONNECT any more
            self._connected.set_exception(aiomqtt.MqttError(HUNG_UP))
            self._connected.exception()  # seen, also where nobody waits for it any more


class MqttUplink:
    """Implements `uplink.Uplink`.  For the live loop only; `start` before use, `stop` after it."""

    def __init__(
        self,
        address: Address,
        concentrator: str,
        enter: Enter,
        *,
        keepalive_s: int = KEEPALIVE_S,
        delay_s: Delay = lambda octets: 0.0,
    ) -> None:
        self._address = address
        self._concentrator = concentrator
        self._enter = enter
        self._keepalive_s = keepalive_s
        self._line = MobileLine(address.host, address.port, tls=address.tls, delay_s=delay_s)
        self._client: _Client | None = None
        self._session: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self.trouble = ""  # why the last connection could not be made, or ended

    async def start(self) -> None:
        """Open the line."""
        await self._line.start()

    async def stop(self) -> None:
        """Take leave of the broker, which keeps the session and publishes no will."""
        self._stopping = True
        self._session = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._line.stop()

    # uplink.Uplink

    def connect(self, will: Will, ears: Ears) -> None:
        if self._stopping:
            return
        self.drop()
        self._session = self._spawn(self._converse(will, ears))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        client = self._client
        if client is not None and len(self._tasks) < CALLS_UNDER_WAY_MAX:
            self._spawn(_publish(client, topic, payload, retain))

    def drop(self) -> None:
        session, self._session, self._client = self._session, None, None
        self._line.forget()
        if session is not None:
            session.cancel()

    def cut(self) -> None:
        self._line.cut()

    def restore(self) -> None:
        self._line.restore()

    # Parts.

    async def _converse(self, will: Will, ears: Ears) -> None:
        """One connection, from the first packet to the last."""
        this = asyncio.current_task()
        why = CLOSED
        try:
            self._line.trouble = ""
            async with self._new_client(will) as client:
                await client.subscribe(topics.down(self._concentrator), qos=1)
                if self._session is not this:
                    return
                self._client = client
                self._enter(ears.up)
                async for message in client.messages:
                    if self._session is not this:
                        return  # not acknowledged: it will come again
                    topic, payload = str(message.topic), bytes(message.payload)
                    self._enter(lambda topic=topic, payload=payload: ears.message(topic, payload))  # type: ignore[misc]
                    client.acknowledge(message)
        except aiomqtt.MqttError as error:
            why = self._line.trouble or (CLOSED if self._client is not None else str(error))
        self.trouble = why
        if self._session is this:
            self._session = self._client = None
            self._enter(lambda: ears.down(why))

    def _new_client(self, will: Will) -> _Client:
        client = _Client(
            "127.0.0.1",
            self._line.port,
            username=self._address.username,
            password=self._address.password,
            identifier=self._concentrator,
            clean_session=False,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True),
            keepalive=self._keepalive_s,
            timeout=CONNECT_TIMEOUT_S,
            max_concurrent_outgoing_calls=CALLS_UNDER_WAY_MAX,
            max_inflight_messages=CALLS_UNDER_WAY_MAX,
            socket_options=[NO_DELAY],
        )
        client.pending_calls_threshold = CALLS_UNDER_WAY_MAX
        client.acknowledge_by_hand()
        client.end_unseen()
        return client

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _publish(client: _Client, topic: str, payload: bytes, retain: bool) -> None:
    try:
        await client.publish(topic, payload, qos=1, retain=retain)
    except aiomqtt.MqttError:
        pass  # lost with its connection; what matters is owed until its receipt
