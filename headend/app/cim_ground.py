"""What nodes of the bus in one process stand on: a session each with the broker, and one place for
traces and dead letters."""

from __future__ import annotations

from contextlib import AsyncExitStack

from headend import certificates
from headend.app.password_files import password_in
from headend.app.sessions import open_session
from headend.clock import WallClock
from headend.config import BadConfig
from headend.config.bus import BusBroker
from headend.field.mqtt import Address, MqttBroker
from headend.integration.bus.dead_letters import DeadLetters
from headend.integration.bus.node import Ground
from headend.integration.bus.traces import Traces
from headend.soap.door.route import is_loopback


class Grounds:
    """The ground of each node, with a session of its own that opens when all have subscribed."""

    def __init__(self, broker: BusBroker, traces: Traces, letters: DeadLetters) -> None:
        self._broker = broker
        self._traces = traces
        self._letters = letters
        self._clock = WallClock()
        self._sessions: list[MqttBroker] = []

    def of(self, name: str) -> Ground:
        """The ground of the node called `name`.  Raises `BadConfig`."""
        tls, password = self._broker.tls, password_in(self._broker.password_file, "broker")
        where = Address(
            self._broker.host,
            self._broker.port or (1883 if tls is None else 8883),
            username=None if password is None else name,
            password=password,
            tls=None if tls is None else certificates.to_servers(tls),
        )
        session = MqttBroker(where, client_id=name, version_5=self._broker.mqtt_5)
        self._sessions.append(session)
        return Ground(session, self._clock, self._traces, self._letters)

    async def connect(self, stack: AsyncExitStack) -> None:
        """Open every session: all have subscribed, so nothing that waits is missed.  Raises
        `ConnectionError`."""
        for session in self._sessions:
            await stack.enter_async_context(open_session(session))


def check_broker(broker: BusBroker) -> None:
    """Refuse a broker that would be talked to in the open, and a password that is not there.
    Raises `BadConfig`."""
    if broker.tls is None and not is_loopback(broker.host):
        raise BadConfig(f"[broker] {broker.host!r} is elsewhere: it needs [broker.tls]")
    if broker.tls is not None:
        certificates.check(broker.tls, "broker.tls", WallClock().now())
    password_in(broker.password_file, "broker")
