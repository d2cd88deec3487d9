"""The demonstration: `demo.toml` played live, over the doors that a utility would use.

SOAP goes over HTTP, commands and results over the broker, everything is stored on disk; only the
field and the utility's other systems are stand-ins.  Whoever watches is told moment by moment
(`scenarios.demo_moments`); the moments are what the parts said, at the times they gave.

The last order has to meet a concentrator whose SIM is barred.  The file has the bar at a time of
its own, for the simulated clock; live it comes when the orders before it have ended and goes when
the order has, so that nobody waits and whoever stays finds a field that works.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from devices.concentrator.device import Settings
from devices.concentrator.errand import Patience
from devices.faults import ModemFails
from devices.modem import CarrierView, Pace
from devices.modem_failures import Step
from devices.span import Span
from headend.app.serving import Running, serving
from headend.app.sessions import Bus, open_session, session_at
from headend.clock import WallClock
from headend.config import Config, Soap
from headend.domain.order import State
from headend.domain.reason import ReasonCode
from headend.ports import Connectivity
from protocols.cim.control_types import ControlKind
from scenarios import schema
from scenarios.demo_moments import Acknowledged, Ended, Played, Sent, Tell, Turn, Turned
from scenarios.demo_watch import Watch
from scenarios.field import registry_of, sim_of
from scenarios.live import LiveField, live_field
from scenarios.schema import FaultSpec, Scenario, seconds
from scenarios.stand_ins.carrier_portal import CarrierPortal, views_of
from scenarios.stand_ins.commercial import CommercialSystem, Post, Wanted
from scenarios.stand_ins.integration_platform import IntegrationPlatform

SOURCE = "COMERCIAL"
STORY = Path(__file__).with_name("demo.toml")
EXPECTED = (
    (State.DONE, None),
    (State.FAILED, ReasonCode.REFUSED_READ_WRITE_DENIED),
    (State.FAILED, ReasonCode.METER_DOES_NOT_ANSWER),
    (State.FAILED, ReasonCode.SIM_FAULT),
)
"""How each order of the story must end."""

BARRED = "sim barred"  # what the story's SIM fault means to a modem

# Short, like the story's own times: the broker's last will comes after 1.5 times the keep-alive.
KEEPALIVE_S = 4
SETTINGS = Settings(patience=Patience(response_timeout_s=1.0, sessions_max=2, pause_s=0.5))
MODEM = Pace(step_ms=dict.fromkeys(Step, 300), pause_first_ms=1_000, pause_max_ms=1_000)
CONNECTED_WITHIN_S = 15.0
SILENT_WITHIN_S = 15.0  # for the last will; then the order goes out without it
EXPLAINED_WITHIN_S = 10.0  # for the fault log, once the concentrator is back
PLAYED_WITHIN_S = 50.0
LOOK_S = 0.1


# --- the stage ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stage:
    """Everything that takes part, up and connected."""

    scenario: Scenario
    running: Running
    devices: LiveField
    commercial: CommercialSystem
    config: Config
    watch: Watch
    _bar: FaultSpec
    _back_in: int | None = None  # the chapter in which the concentrator's return is awaited

    @property
    def over_mqtt(self) -> bool:
        return not isinstance(self.running.broker, Bus)

    @property
    def field_whole(self) -> bool:
        """Whether the concentrator has its session, as far as the head-end heard."""
        return self._session().online is True

    async def play(self, tell: Tell) -> tuple[Played, ...]:
        """Send the story's orders and return when all have ended and the field is whole again, or
        their time is over."""
        watching = asyncio.create_task(self._tell_on(tell))
        try:
            async with asyncio.timeout(PLAYED_WITHIN_S):
                await self._perform()
        except TimeoutError:
            pass  # what has not ended shows in the outcome
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self.watch.tell_news(tell)
        return tuple(self._played(n) for n in range(1, len(self.scenario.order) + 1))

    async def _perform(self) -> None:
        """The first order by itself, then those that fail side by side, at last those that find
        their concentrator gone."""
        bars = seconds(self._bar.at)
        orders = dict(enumerate(self.scenario.order, 1))
        late = [number for number, spec in orders.items() if seconds(spec.at) >= bars]
        await self._send_all([1])
        await self._send_all([number for number in orders if number not in (1, *late)])
        await self._lose_sim(late[0])
        await self._send_all(late)
        await self._admit_sim(late)

    async def _send_all(self, numbers: Sequence[int]) -> None:
        """Send these and wait until they have ended."""
        for number in numbers:
            await self._send(number)
        await self._until(lambda: all(map(self.watch.settled, numbers)))

    # --- the SIM ---------------------------------------------------------------------------------

    async def _lose_sim(self, chapter: int) -> None:
        """Have the SIM barred, and wait for the broker's word that the concentrator is gone."""
        world, name = self.devices.world, self._bar.target
        world.enter(lambda: ModemFails(name, Span(world.env.now), BARRED).apply(world))
        self._turned(chapter, Turn.BARRED)
        try:
            async with asyncio.timeout(SILENT_WITHIN_S):
                await self._until(lambda: self._session().online is False)
            self._turned(chapter, Turn.LOST, self._session().since)
        except TimeoutError:
            pass  # the head-end then has less evidence, and says so

    async def _admit_sim(self, late: Sequence[int]) -> None:
        """Let the SIM in again, wait for the concentrator, and for what its fault log explains."""
        chapter = len(self.scenario.order) + 1
        world, name = self.devices.world, self._bar.target
        modem = world.concentrators[name].modem
        world.enter(lambda: modem.end_faults(BARRED, world.env.now))
        self._turned(chapter, Turn.ADMITTED)
        self._back_in = chapter
        await self._until(lambda: self._back_in is None)
        try:
            async with asyncio.timeout(EXPLAINED_WITHIN_S):
                await self._until(lambda: all(map(self.watch.explained, late)))
        except TimeoutError:
            pass  # it is no part of what must be
        self.watch.note(Ended(self.commercial.now(), chapter))

    def _turned(self, chapter: int, turn: Turn, at: datetime | None = None) -> None:
        at = at or self.commercial.now()
        self.watch.note(Turned(at, chapter, turn, self._bar.target))

    def _session(self) -> Connectivity:
        """What the head-end heard of the concentrator's session."""
        return self.running.head_end.ground.field.connectivity(self._bar.target)

    # --- orders ----------------------------------------------------------------------------------

    async def _send(self, number: int) -> None:
        spec = self.scenario.order[number - 1]
        chance = self.running.head_end.ordering.settling.chance
        wanted = Wanted(
            kind=ControlKind(spec.kind),
            meters=spec.names(),
            amount=spec.amount,
            unit=spec.unit,
            any_day=spec.any_day,
            message_id=chance.uuid(),
            correlation_id=chance.uuid(),
        )
        self.watch.wanted[number] = wanted
        loop, now = asyncio.get_running_loop(), self.commercial.now
        began, at = loop.time(), now()
        octets = len(self.commercial.envelope(wanted))
        self.watch.note(Sent(at, number, wanted, octets))
        answered = await self.commercial.send(wanted)
        self.watch.note(Acknowledged(now(), number, answered, loop.time() - began))

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            await asyncio.sleep(LOOK_S)

    async def _tell_on(self, tell: Tell) -> None:
        while True:
            self._see_return()
            self.watch.tell_news(tell)
            await asyncio.sleep(LOOK_S)

    def _see_return(self) -> None:
        """Note the concentrator's return before the store is asked for what followed from it: a
        look that came between the two would tell the effect before its cause."""
        if self._back_in is not None and self.field_whole:
            self._turned(self._back_in, Turn.BACK, self._session().since)
            self._back_in = None

    def _played(self, number: int) -> Played:
        order = self.watch.order(number)
        return Played(
            self.scenario.order[number - 1],
            EXPECTED[number - 1],
            order,
            self.watch.replies(number),
            () if order is None else self.watch.unsettled(order),
        )


@asynccontextmanager
async def stage(directory: Path, post: Callable[[str], Post]) -> AsyncIterator[Stage]:
    """Bring everything up; databases go into `directory`.

    `post` makes the commercial system's way to the SOAP door at an address.  Raises what
    `headend.app.serving` and `scenarios.live` raise.
    """
    scenario = schema.read(STORY)
    bar = next(fault for fault in scenario.fault if fault.kind == "sim")
    others = tuple(fault for fault in scenario.fault if fault is not bar)
    scenario = msgspec.structs.replace(scenario, fault=others)
    config = Config(
        database=f"sqlite:///{directory / 'ami.db'}",
        legacy_database=f"sqlite:///{directory / 'ami-legacy.db'}",
        soap=Soap(port=0),
        orders=scenario.order_policy(),
        field=scenario.field_policy(),
        delivery=scenario.delivery(),
    )
    clock = WallClock()
    views: dict[str, Callable[[], CarrierView]] = {}
    async with (
        serving(config, portal=CarrierPortal(views, clock.now)) as running,
        live_field(
            scenario,
            running.broker,
            settings=SETTINGS,
            modem_pace=MODEM,
            keepalive_s=KEEPALIVE_S,
        ) as devices,
    ):
        views |= views_of(devices.world, sim_of)
        entries = registry_of(scenario)
        await running.head_end.register(entries.concentrators, entries.meters)
        commercial = CommercialSystem(SOURCE, post(running.soap_url), clock.now)
        watch = Watch(running.head_end, commercial)
        set_up = Stage(scenario, running, devices, commercial, config, watch, bar)
        session = session_at(running.broker, "integration-platform")
        platform = IntegrationPlatform(commercial, session.publish, config.delivery.topic_root)
        await session.subscribe(platform.topic, watch.beside(platform))
        async with open_session(session):
            await devices.connected(CONNECTED_WITHIN_S)
            yield set_up
