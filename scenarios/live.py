"""The simulated field, live: a scenario's devices and faults on the ordinary clock, and for each
concentrator a connection of its own to a broker.

The scenario's orders and its head-end are left out: whoever runs this has real ones.  Its `start`
is now, so a fault "at 10s" comes ten seconds after the field has come up.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import NoReturn

from devices import cellular, faults, outages
from devices.clock import FieldDriver, wall_clock
from devices.clock import world as new_env
from devices.concentrator.device import Settings
from devices.field_spec import FieldSpec
from devices.gateway.field_memory import FieldMemory
from devices.gateway.mqtt import KEEPALIVE_S, MqttUplink
from devices.gateway.mqtt import Address as BrokerAddress
from devices.gateway.sockets import allow_sockets
from devices.gateway.uplink import Uplink
from devices.modem import Pace
from devices.world import World
from headend.app.sessions import Address, Bus
from protocols.capture.recorder import Recorder
from scenarios.aim import aimed
from scenarios.cells import cells_of
from scenarios.field import alternating_meters, faults_of, field_of
from scenarios.schema import BadScenario, Scenario
from scenarios.uplink import BusUplink

POLL_S = 0.05
TOLD_MAX = 5
"""Concentrators by their names, in a sentence."""
SOCKETS_EACH = 8
"""Of a concentrator: both ends of its session, and of its line; for a moment of an old one, too."""

Credentials = Callable[[str], ssl.SSLContext]
"""A concentrator's side of mutual TLS, by its id."""


class NoConnection(ConnectionError):
    """Not every concentrator reached the broker in time."""


@dataclass(frozen=True, slots=True)
class LiveField:
    """A field that runs.  `failed` carries the error if the world ever stops by itself."""

    world: World
    failed: asyncio.Future[NoReturn]
    _uplinks: Mapping[str, MqttUplink | BusUplink]

    @property
    def concentrators(self) -> tuple[str, ...]:
        return tuple(self.world.concentrators)

    async def connected(self, timeout_s: float) -> None:
        """Return when each concentrator that has a network has its session.  Raises `NoConnection`,
        or what stopped the world."""
        try:
            async with asyncio.timeout(timeout_s):
                while waiting := self.without_session():
                    if self.failed.done():
                        self.failed.result()
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            told = self.told(waiting)
            raise NoConnection(f"no session with the broker: {told}") from error

    def told(self, waiting: Sequence[str]) -> str:
        """Some concentrators without a session, and why, where that is known; of many the first."""
        more = len(waiting) - TOLD_MAX
        first = ", ".join(map(self._without, waiting[:TOLD_MAX]))
        return f"{first}, and {more} more" if more > 0 else first

    def _without(self, name: str) -> str:
        uplink = self._uplinks[name]
        trouble = uplink.trouble if isinstance(uplink, MqttUplink) else ""
        return f"{name} ({trouble})" if trouble else name

    def without_session(self) -> list[str]:
        """The concentrators that could have a session, and have none: their broker is away."""
        return [
            name
            for name, concentrator in self.world.concentrators.items()
            if concentrator.running
            and concentrator.modem.serves
            and not concentrator.online.has_session
        ]


@asynccontextmanager
async def live_field(
    scenario: Scenario,
    broker: Address | Bus,
    *,
    credentials: Credentials | None = None,
    seed: int | None = None,
    settings: Settings | None = None,
    modem_pace: Pace | None = None,
    keepalive_s: int = KEEPALIVE_S,
    keep_log: bool = False,
    recorder: Recorder | None = None,
    memory: FieldMemory | None = None,
) -> AsyncIterator[LiveField]:
    """A scenario's field, as `live_devices` has it; `settings` and `modem_pace` are those of every
    concentrator, where they are not the file's.

    Raises `BadScenario` besides.
    """
    spec = field_of(scenario)
    if settings is not None:
        spec = replace(spec, settings=settings)
    if modem_pace is not None:
        spec = replace(spec, modem_pace=modem_pace)

    def happen(world: World, start: float) -> None:
        planned = faults_of(aimed(scenario, world.seed), start)
        check_targets(world, planned)
        faults.run(world, planned)
        if (
            scenario.field.outages == "usual"
        ):  # whoever sends orders here names no meter in the file
            outages.run(world, alternating_meters(scenario))
        if scenario.field.wan == "cellular":
            cellular.run(world, cells_of(scenario.field).items())

    async with live_devices(
        spec,
        scenario.seed if seed is None else seed,
        broker,
        happen,
        credentials=credentials,
        keepalive_s=keepalive_s,
        keep_log=keep_log,
        recorder=recorder,
        memory=memory,
    ) as field:
        yield field


@asynccontextmanager
async def live_devices(
    spec: FieldSpec,
    seed: int,
    broker: Address | Bus,
    happen: Callable[[World, float], None],
    *,
    credentials: Credentials | None = None,
    keepalive_s: int = KEEPALIVE_S,
    keep_log: bool = False,
    recorder: Recorder | None = None,
    memory: FieldMemory | None = None,
) -> AsyncIterator[LiveField]:
    """A field, until the context ends; then every concentrator is gone as if it had lost power.

    `happen` is given the world and its first moment, POSIX seconds, before anything moves.
    `credentials` are for a broker that wants TLS; what travels goes to the `recorder`, what meters
    remember to the `memory`.  Raises `TooFewSockets`, and what `happen`, `credentials` and the
    `memory` do.

    Concentrators are as delivered, and call their messages otherwise than those of an earlier
    field: a head-end passes over a message whose name it knows.
    """
    start = datetime.fromtimestamp(wall_clock(), UTC)
    allow_sockets(SOCKETS_EACH * len(spec.transformers) if isinstance(broker, Address) else 0)
    driver = FieldDriver(new_env(start))
    uplinks: dict[str, MqttUplink | BusUplink] = {}

    def uplink(name: str) -> Uplink:
        tls = None if credentials is None else credentials(name)
        uplinks[name] = _uplink(broker, name, lambda: field.world, keepalive_s, tls)
        return uplinks[name]

    world = World(
        driver.env,
        spec,
        seed,
        uplinks=uplink,
        driver=driver,
        keep_log=keep_log,
        recorder=recorder,
        memory=memory,
        run=f"{round(1000 * start.timestamp()):x}-",
    )
    if memory is not None:  # what fell due meanwhile is done now, and not when a frame comes
        for name in world.meter_names:
            if memory.has(world.identity(name).number):
                world.touched(name)
    field = LiveField(world, driver.failed, uplinks)
    happen(world, start.timestamp())
    driver.start()
    over_mqtt = [each for each in uplinks.values() if isinstance(each, MqttUplink)]
    try:
        for each in over_mqtt:
            await each.start()
        world.enter(world.start)
        yield field
    finally:
        for uplink_ in uplinks.values():
            uplink_.drop()  # without a farewell: the broker says that they are gone
        driver.stop()
        for each in over_mqtt:
            await each.stop()


def check_targets(world: World, planned: list[faults.Fault]) -> None:
    """Refuse a fault of a device that there is not, before it would stop the world.

    Raises `BadScenario`.
    """
    known = {*world.concentrators, *world.meter_names}
    for fault in planned:
        if fault.target not in known:
            raise BadScenario(f"fault at {fault.target}: there is no such device")


def _uplink(
    broker: Address | Bus,
    name: str,
    world: Callable[[], World],
    keepalive_s: int,
    tls: ssl.SSLContext | None,
) -> MqttUplink | BusUplink:
    def enter(action: Callable[[], None]) -> None:
        world().enter(action)

    @cache
    def line() -> Callable[[int], float]:  # the world asks for uplinks while it is being built
        return world().wan_delay_s(name)

    def delay_s(octets: int) -> float:
        return line()(octets)

    if isinstance(broker, Bus):
        return BusUplink(broker, name, enter=enter, delay_s=delay_s, keepalive_s=keepalive_s)
    address = BrokerAddress(broker.host, broker.port, tls=tls)
    return MqttUplink(address, name, enter, delay_s=delay_s, keepalive_s=keepalive_s)
