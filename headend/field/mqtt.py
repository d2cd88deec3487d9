"""A session with a real MQTT broker, by aiomqtt.

What aiomqtt 2.5.1 leaves to its user is done here, once: it acknowledges a message before anybody
has seen it, so acknowledgement is taken over through its paho client; it does not reconnect;
without TCP_NODELAY a round trip takes 40 ms more; it warns above ten calls under way; and when a
broker hangs up before it has answered CONNECT, as one does that refuses a certificate, it waits on.
Nothing here publishes twice: whoever needs a delivery settled asks for a receipt.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass

import aiomqtt
import paho.mqtt.client as paho
import structlog
from aiomqtt.types import PahoSocket
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from headend.field.broker import BrokerUnavailable, Handler, PacketHandler, Will
from headend.field.dispatch import Dispatch
from headend.field.mqtt_properties import read, session_kept, written
from protocols.mqtt import NO_PROPERTIES
from protocols.mqtt import Properties as Beside

log = structlog.get_logger(__name__)

PUBLISH_TIMEOUT_S = 10.0  # a broker that says nothing for so long is as good as gone
CALLS_UNDER_WAY_MAX = 200
RECONNECT_FIRST_S = 0.1
RECONNECT_MAX_S = 30.0
HUNG_UP = "it hung up before it let us in: it may not accept our certificate, its log says why"
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is, and what it asks of its clients."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Sharing:
    """What one of several sessions takes of each message: whoever of the `group` comes next.

    The broker would go on handing messages to a session that is gone until it comes back, so these
    sessions end with their connections; whatever matters is sent again until it is receipted.
    """

    group: str
    filters: frozenset[str]

    def announced(self, topic_filter: str) -> str:
        """A filter as the broker is told of it (MQTT 5.0, 4.8.2; Mosquitto knows it in 3.1.1)."""
        return (
            f"$share/{self.group}/{topic_filter}" if topic_filter in self.filters else topic_filter
        )


class _Socket(ssl.SSLSocket):
    """paho leaves a socket open whose handshake has failed."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class _Client(aiomqtt.Client):
    """An aiomqtt client whose messages are acknowledged by hand.  Its paho client is private to
    aiomqtt; this class is the only place that touches it, and a test with a broker holds it."""

    def acknowledge_by_hand(self) -> None:
        self._client.manual_ack_set(True)

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

    def _on_socket_register_write(
        self, client: paho.Client, userdata: object, sock: PahoSocket
    ) -> None:
        """aiomqtt registers the socket by its file number one turn of the loop later.  By then it
        may be closed, and its number may be another connection's."""

        def write() -> None:
            try:
                client.loop_write()
            except Exception as error:
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)

        def register() -> None:
            current = client.socket()
            if current is not None and current is sock:
                self._loop.add_writer(current.fileno(), write)

        self._loop.call_soon_threadsafe(register)


class MqttBroker:
    """Implements `Broker`: one session under one client id, for as long as `start` … `stop`.

    It speaks MQTT 3.1.1, or with `version_5` MQTT 5.0, which alone carries properties.
    """

    def __init__(
        self,
        address: Address,
        *,
        client_id: str,
        will: Will | None = None,
        keepalive_s: int = 30,
        sharing: Sharing | None = None,
        version_5: bool = False,
    ) -> None:
        self._version_5 = version_5
        self._address = address
        self._client_id = client_id
        self._will = will
        self._keepalive_s = keepalive_s
        self._sharing = sharing
        self._dispatch = Dispatch(strict=False)
        self._client: _Client | None = None
        self._up = asyncio.Event()
        self._down: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""  # why the last try to connect failed

    @property
    def connected(self) -> bool:
        return self._up.is_set()

    async def start(self) -> None:
        """Connect, and go on connecting until `stop`.  Returns at once; see `until_connected`."""
        if self._task is not None:
            raise RuntimeError("started already")
        self._task = asyncio.create_task(self._stay_connected(), name=f"mqtt {self._client_id}")

    async def stop(self) -> None:
        """Take leave of the broker, which keeps the session; end every handler."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._dispatch.stop()

    async def until_connected(self, timeout_s: float) -> None:
        """Raises `BrokerUnavailable` when that takes longer."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        except TimeoutError as error:
            where = f"{self._address.host}:{self._address.port}"
            why = f": {self._trouble}" if self._trouble else ""
            raise BrokerUnavailable(f"no broker at {where}{why}", sent=False) from error

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        properties: Beside = NO_PROPERTIES,
    ) -> None:
        """As `Broker.publish`; raises at once when there is no connection.  MQTT 3.1.1 leaves the
        properties out."""
        client, down = self._client, self._down
        if client is None or down is None or not self._up.is_set():
            raise BrokerUnavailable("not connected to the broker", sent=False)
        publishing = asyncio.ensure_future(
            client.publish(
                topic,
                payload,
                qos=1,
                retain=retain,
                properties=written(properties) if self._version_5 else None,
                timeout=PUBLISH_TIMEOUT_S,
            )
        )
        try:
            await asyncio.wait({publishing, down}, return_when=asyncio.FIRST_COMPLETED)
            if not publishing.done():
                raise BrokerUnavailable("the connection broke", sent=True)
            publishing.result()
        except aiomqtt.MqttError as error:
            raise BrokerUnavailable(str(error), sent=True) from error
        finally:
            publishing.cancel()

    async def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """As `Broker.subscribe`; before `start` it is kept for then."""
        self._dispatch.add(topic_filter, handler)
        await self._announce(topic_filter)

    async def listen(self, topic_filter: str, handler: PacketHandler) -> None:
        """As `subscribe`, for a handler that reads properties."""
        self._dispatch.add_listener(topic_filter, handler)
        await self._announce(topic_filter)

    async def _announce(self, topic_filter: str) -> None:
        if self._client is not None and self._up.is_set():
            try:
                await self._client.subscribe(self._announced(topic_filter), qos=1)
            except aiomqtt.MqttError as error:
                # The next connection announces every filter; this one is of no use any more.
                log.warning("could not subscribe", filter=topic_filter, error=str(error))

    def _announced(self, topic_filter: str) -> str:
        return topic_filter if self._sharing is None else self._sharing.announced(topic_filter)

    async def _stay_connected(self) -> None:
        pause_s = RECONNECT_FIRST_S
        while True:
            try:
                async with self._new_client() as client:
                    for topic_filter in self._dispatch.filters:
                        await client.subscribe(self._announced(topic_filter), qos=1)
                    self._client = client
                    self._down = asyncio.get_running_loop().create_future()
                    self._up.set()
                    pause_s = RECONNECT_FIRST_S
                    log.info("connected to the broker", host=self._address.host)
                    await self._receive(client)
            except aiomqtt.MqttError as error:
                self._trouble = str(error)
                log.warning("no connection to the broker", error=str(error), again_in_s=pause_s)
            finally:
                self._let_go()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, RECONNECT_MAX_S)

    def _new_client(self) -> _Client:
        will = self._will
        ends_with_it = self._sharing is not None
        if self._address.tls is not None:
            self._address.tls.sslsocket_class = _Socket
        client = _Client(
            self._address.host,
            self._address.port,
            username=self._address.username,
            password=self._address.password,
            tls_context=self._address.tls,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if self._version_5 else None,
            clean_session=None if self._version_5 else ends_with_it,
            clean_start=ends_with_it if self._version_5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
            properties=session_kept(not ends_with_it) if self._version_5 else None,
            will=aiomqtt.Will(will.topic, will.payload, 1, will.retain) if will else None,
            keepalive=self._keepalive_s,
            timeout=PUBLISH_TIMEOUT_S,
            max_concurrent_outgoing_calls=CALLS_UNDER_WAY_MAX,
            max_inflight_messages=CALLS_UNDER_WAY_MAX,
            socket_options=[NO_DELAY],
        )
        client.pending_calls_threshold = CALLS_UNDER_WAY_MAX
        client.acknowledge_by_hand()
        return client

    async def _receive(self, client: _Client) -> None:
        async for message in client.messages:
            payload = message.payload
            if not isinstance(payload, bytes):
                raise TypeError(f"a payload that is no bytes: {type(payload)}")

            def acknowledge(message: aiomqtt.Message = message) -> None:
                client.acknowledge(message)

            self._dispatch.arrive(
                str(message.topic), payload, acknowledge, read(message.properties)
            )

    def _let_go(self) -> None:
        self._up.clear()
        self._client = None
        self._dispatch.abandon()
        if self._down is not None and not self._down.done():
            self._down.set_result(None)
        self._down = None
