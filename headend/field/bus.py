"""A broker inside the process, for the simulated clock and for machines without Mosquitto.

It keeps what the head-end relies on in MQTT 3.1.1: sessions that outlive connections, QoS 1 with
redelivery on reconnection until the handler was done, retained messages, wills, takeover, bounded
queues.  Of MQTT 5.0 it passes on what end systems exchange beside the payload, and drops what has
expired.  Nothing survives the process.

Each client has a line of its own that can be slow or cut.  A cut line is silent: nobody is told.
Packets on it wait as TCP would have them wait; after one and a half keep-alive intervals (3.1.2.10)
the broker gives the session up and publishes its will, and the client sees its connection gone.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from headend.field.broker import BrokerUnavailable, Handler, PacketHandler, Will, matches
from headend.field.dispatch import Dispatch
from headend.field.pipe import Delay, Pipe
from protocols.mqtt import NO_PROPERTIES, Properties

INFLIGHT_MAX = 20  # unacknowledged deliveries per session; Mosquitto's default
QUEUED_MAX = 1000  # waiting deliveries per session; Mosquitto's default
CONNECT_TIMEOUT_S = 10.0
OVERHEAD_OCTETS = 48  # TCP/IP headers and MQTT's own, added to topic and payload
ACK_OCTETS = 44


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: bytes
    properties: Properties = NO_PROPERTIES
    expires_at: float | None = None  # in the loop's time

    @property
    def octets(self) -> int:
        return OVERHEAD_OCTETS + len(self.topic) + len(self.payload)

    def remaining(self, now: float) -> Properties | None:
        """The properties as they go out now; None where the message has expired."""
        if self.expires_at is None:
            return self.properties
        if (left_s := self.expires_at - now) <= 0:
            return None
        return replace(self.properties, expiry_s=math.ceil(left_s))


@dataclass(slots=True, eq=False)
class _Session:
    """What the broker keeps of one client, connected or not."""

    client_id: str
    filters: dict[str, None] = field(default_factory=dict)
    waiting: deque[_Message] = field(default_factory=deque)
    inflight: deque[_Message] = field(default_factory=deque)
    connection: _Connection | None = None
    dropped: int = 0  # deliveries that found the queue full


class Bus:
    """The broker."""

    def __init__(self, *, queued_max: int = QUEUED_MAX) -> None:
        self._queued_max = queued_max
        self._sessions: dict[str, _Session] = {}
        self._exact: dict[str, dict[str, _Session]] = {}
        self._wild: dict[str, dict[str, _Session]] = {}
        self._retained: dict[str, bytes] = {}
        self.up = True

    def stop(self, *, forgets: bool = False) -> None:
        """The broker is down: every connection breaks and no will is published.  With `forgets`,
        sessions, queues and retained messages are gone, as after a kill without persistence."""
        self.up = False
        for session in self._sessions.values():
            if session.connection is not None:
                session.connection.give_way("the broker went down")
        if forgets:
            for kept in (self._sessions, self._exact, self._wild, self._retained):
                kept.clear()

    def start(self) -> None:
        """It runs again, and takes connections."""
        self.up = True

    def dropped(self, client_id: str) -> int:
        """How many deliveries to a client found its queue full."""
        session = self._sessions.get(client_id)
        return session.dropped if session else 0

    def retained(self, topic: str) -> bytes | None:
        return self._retained.get(topic)

    def _open(self, connection: _Connection, client_id: str) -> _Session:
        session = self._sessions.get(client_id)
        if session is not None and session.connection is not None:
            # Mosquitto 2.0 publishes no will here, though MQTT 3.1.1 (3.1.2.5) would have it.
            session.connection.give_way("another connection took the session over")
        if session is None:
            session = self._sessions[client_id] = _Session(client_id)
        session.connection = connection
        # Whatever was not acknowledged on the connection before is delivered again, first.
        session.waiting.extendleft(reversed(session.inflight))
        session.inflight.clear()
        return session

    def _subscribe(self, client_id: str, topic_filter: str) -> None:
        session = self._sessions[client_id]
        session.filters[topic_filter] = None
        table = self._wild if {"+", "#"} & set(topic_filter.split("/")) else self._exact
        table.setdefault(topic_filter, {})[session.client_id] = session
        for topic, payload in self._retained.items():
            if matches(topic_filter, topic):
                self._queue(session, _Message(topic, payload))

    def _publish(self, message: _Message, retain: bool) -> None:
        if retain:
            if message.payload:
                self._retained[message.topic] = message.payload
            else:
                self._retained.pop(message.topic, None)
        takers = dict(self._exact.get(message.topic, {}))
        for topic_filter, sessions in self._wild.items():
            if matches(topic_filter, message.topic):
                takers |= sessions
        for session in takers.values():
            self._queue(session, message)

    def _queue(self, session: _Session, message: _Message) -> None:
        if len(session.waiting) >= self._queued_max:
            session.dropped += 1
            return
        session.waiting.append(message)
        self._pump(session)

    def _pump(self, session: _Session) -> None:
        while (
            session.connection is not None
            and session.waiting
            and len(session.inflight) < INFLIGHT_MAX
        ):
            message = session.waiting.popleft()
            properties = message.remaining(asyncio.get_running_loop().time())
            if properties is None:
                continue
            session.inflight.append(message)
            session.connection.deliver(message, properties)

    def _acknowledged(self, connection: _Connection) -> None:
        """Acknowledgements come in the order of the deliveries, as MQTT asks."""
        session = connection.session
        if session is not None and session.connection is connection:
            session.inflight.popleft()
            self._pump(session)


class BusClient:
    """One client of the bus, and its line to it.  Implements `Broker`.

    It does not reconnect by itself: whoever owns the line (a simulated modem) knows when to.
    """

    def __init__(
        self,
        bus: Bus,
        client_id: str,
        *,
        will: Will | None = None,
        keepalive_s: float = 60.0,
        delay_s: Delay = lambda octets: 0.0,
        on_lost: Callable[[str], None] = lambda why: None,
    ) -> None:
        self.client_id = client_id
        self.will = will  # taken at `connect`
        self.keepalive_s = keepalive_s
        self._bus = bus
        self._delay_s = delay_s
        self._on_lost = on_lost
        self._cut = False
        self._connection: _Connection | None = None
        self._opening: _Connection | None = None
        self._dispatch = Dispatch(strict=True)

    @property
    def connected(self) -> bool:
        return self._connection is not None

    async def connect(self) -> None:
        """Open a connection, take the session up again and receive what waited in it.

        Raises `BrokerUnavailable` when the line stays cut.
        """
        self.drop()
        loop = asyncio.get_running_loop()
        connection = _Connection(self, self._bus, self.will, self.keepalive_s)
        opened: asyncio.Future[None] = loop.create_future()
        self._opening = connection

        def at_broker() -> None:
            if not self._bus.up:
                return  # nobody answers
            session = self._bus._open(connection, self.client_id)
            connection.session = session
            connection.down.send(ACK_OCTETS, lambda: _settle(opened))
            self._bus._pump(session)

        connection.up.send(OVERHEAD_OCTETS + len(self.client_id), at_broker)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S + 2 * self._delay_s(ACK_OCTETS)):
                await opened
        except TimeoutError as error:
            connection.close()
            raise BrokerUnavailable("no answer from the broker", sent=False) from error
        finally:
            self._opening = None
        self._connection = connection
        for topic_filter in self._dispatch.filters:
            await self._announce(topic_filter)

    async def disconnect(self) -> None:
        """Take leave: the will is not published; the session stays."""
        if (connection := self._connection) is None:
            return
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection.up.send(ACK_OCTETS, lambda: _settle(gone))
        connection.lost = gone  # the line may break before the farewell is through
        await gone
        self._connection = None
        connection.close()
        self._dispatch.abandon()

    def drop(self) -> None:
        """Let the connection go without a farewell, as a closed socket would: the broker sees it
        at once if the line is up, and publishes the will."""
        if (connection := self._connection) is not None:
            self._connection = None
            self._dispatch.abandon()
            connection.abort()

    def cut(self) -> None:
        """Silence the line in both directions."""
        self._cut = True
        for connection in self._lines():
            connection.silence()

    def restore(self) -> None:
        """Let the line speak again; what waited on it arrives, if the connection still stands."""
        self._cut = False
        for connection in self._lines():
            connection.resume()

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        properties: Properties = NO_PROPERTIES,
    ) -> None:
        """As `Broker.publish`; raises at once when there is no connection."""
        connection = self._standing()
        expires_at = None
        if properties.expiry_s is not None:
            expires_at = asyncio.get_running_loop().time() + properties.expiry_s
        message = _Message(topic, payload, properties, expires_at)
        await connection.ask(message.octets, lambda: self._bus._publish(message, retain))

    async def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """As `Broker.subscribe`; before `connect` it is kept for then."""
        self._dispatch.add(topic_filter, handler)
        if self._connection is not None:
            await self._announce(topic_filter)

    async def listen(self, topic_filter: str, handler: PacketHandler) -> None:
        """As `subscribe`, for a handler that reads properties."""
        self._dispatch.add_listener(topic_filter, handler)
        if self._connection is not None:
            await self._announce(topic_filter)

    async def _announce(self, topic_filter: str) -> None:
        connection = self._standing()
        await connection.ask(
            OVERHEAD_OCTETS + len(topic_filter),
            lambda: self._bus._subscribe(self.client_id, topic_filter),
        )

    def _lines(self) -> list[_Connection]:
        return [line for line in (self._connection, self._opening) if line is not None]

    def _standing(self) -> _Connection:
        if self._connection is None:
            raise BrokerUnavailable(f"{self.client_id} is not connected", sent=False)
        return self._connection

    def _lose(self, connection: _Connection, why: str) -> None:
        if self._connection is connection:
            self._connection = None
            self._dispatch.abandon()
            self._on_lost(why)


class _Connection:
    """One connection: two pipes, and what either end still waits for."""

    def __init__(self, client: BusClient, bus: Bus, will: Will | None, keepalive_s: float) -> None:
        self._client = client
        self._bus = bus
        self._will = will
        self._keepalive_s = keepalive_s
        self.session: _Session | None = None  # once the broker has heard of it
        self._expiry: asyncio.TimerHandle | None = None
        self._asked: deque[asyncio.Future[None]] = deque()
        self.lost: asyncio.Future[None] | None = None
        self.up = Pipe(client._delay_s)
        self.down = Pipe(client._delay_s)
        if client._cut:
            self.up.cut = self.down.cut = True

    async def ask(self, octets: int, act: Callable[[], None]) -> None:
        """Have the broker do something and wait for its acknowledgement."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append(answered)

        def at_broker() -> None:
            self.down.send(ACK_OCTETS, lambda: _settle(answered))
            act()

        self.up.send(octets, at_broker)
        try:
            await answered
        finally:
            if answered in self._asked:
                self._asked.remove(answered)

    def deliver(self, message: _Message, properties: Properties) -> None:
        self.down.send(message.octets, lambda: self._arrive(message, properties))

    def _arrive(self, message: _Message, properties: Properties) -> None:
        self._client._dispatch.arrive(message.topic, message.payload, self._acknowledge, properties)

    def _acknowledge(self) -> None:
        self.up.send(ACK_OCTETS, lambda: self._bus._acknowledged(self))

    def silence(self) -> None:
        self.up.cut = self.down.cut = True
        if self._expiry is None:
            self._expiry = asyncio.get_running_loop().call_later(
                1.5 * self._keepalive_s, self.break_off, "keep-alive timeout"
            )

    def resume(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self.up.restore()
        self.down.restore()

    def abort(self) -> None:
        """The client closed its socket: the broker learns it behind what is on its way already."""
        self.down.close()
        self._fail_asked("the connection was closed")
        if self.up.cut:
            return  # the broker hears nothing; its timer runs
        self.up.send(ACK_OCTETS, lambda: self.break_off("closed by the client"))

    def break_off(self, why: str) -> None:
        """The broker ends the connection and publishes the will."""
        was_open = self.session is not None
        self.close()
        self._client._lose(self, why)
        if was_open and self._will is not None:
            message = _Message(self._will.topic, self._will.payload)
            self._bus._publish(message, self._will.retain)

    def give_way(self, why: str) -> None:
        """The broker lets the connection go, without a will."""
        self.close()
        self._client._lose(self, why)

    def close(self) -> None:
        """Both ends are done with it; the will is not published."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self.up.close()
        self.down.close()
        if self.session is not None and self.session.connection is self:
            self.session.connection = None
        self._fail_asked("the connection was lost")

    def _fail_asked(self, why: str) -> None:
        if self.lost is not None:
            _settle(self.lost)
        for answered in self._asked:
            if not answered.done():
                answered.set_exception(BrokerUnavailable(why, sent=True))
        self._asked.clear()


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
