"""Runs a scenario on the simulated clock: the head-end unchanged, a simulated field, and stand-ins.

One seed, one log: head-end ids, jitter, channel, modems and meters draw from named streams of it,
and nothing reads a clock but the loop's.  What the meters really did is compared with what the
head-end recorded after the run, never during it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from devices import cellular, faults, outages
from devices.clock import FieldDriver, run_simulated, stopwatch, world
from devices.gateway.uplink import Uplink
from devices.world import World
from headend.app.sessions import Bus
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.collection.schedule import SOURCE
from headend.domain.order import SCHEDULED
from protocols.capture.recorder import Recorder
from protocols.cim.control_types import ControlKind
from scenarios import campaigns, commands, key_changes, mdm_scenes
from scenarios.aim import aimed
from scenarios.cells import cells_of
from scenarios.fault_spec import where
from scenarios.field import alternating_meters, faults_of, field_of, registry_of
from scenarios.lan import Lan
from scenarios.no_solution import explained
from scenarios.operating import Operating
from scenarios.scatter import scattered
from scenarios.schema import (
    AskSpec,
    CampaignSpec,
    ClockSpec,
    HeadEndEvent,
    OperateSpec,
    OrderSpec,
    PressSpec,
    ReadSpec,
    RekeySpec,
    Scenario,
    TariffSpec,
    seconds,
)
from scenarios.serving import REPLY_ADDRESS, Serving
from scenarios.stand_ins.commercial import CommercialSystem, Wanted
from scenarios.stand_ins.integration_platform import NAME as PLATFORM
from scenarios.stand_ins.integration_platform import IntegrationPlatform
from scenarios.stand_ins.mdm import Mdm
from scenarios.stand_ins.said import Said, in_order
from scenarios.story import Story, told_of
from scenarios.surroundings import Surroundings
from scenarios.uplink import BusUplink, keepalive_s

COMMERCIAL = "COMERCIAL"
RESEND_S = 5.0  # the commercial system sends a message again that nobody answered


def run(
    scenario: Scenario,
    *,
    seed: int | None = None,
    keep: Path | None = None,
    recorder: Recorder | None = None,
    passed: Callable[[float], None] | None = None,
) -> Story:
    """Run a scenario to its end.

    The head-end's databases vanish with the run unless `keep` names an empty directory for them.
    What travelled goes to the `recorder`; whoever gave it closes it.  `passed` hears of the seconds
    of the story as its clock comes to them.
    Raises `BadScenario` for a field that cannot be built, and `NoSolution` for one whose grid
    cannot carry what is drawn.
    """
    elapsed_s = stopwatch()
    seed = scenario.seed if seed is None else seed
    scenario = aimed(scattered(scenario, seed), seed)
    with ExitStack() as stack:
        directory = keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="ami-sim-"))
        )
        stage = _Stage(scenario, seed, directory, recorder)
        with explained():
            story = run_simulated(stage.play(), start=scenario.start_utc, passed=passed)
    return replace(story, wall_s=elapsed_s())


@dataclass(slots=True)
class _Stage:
    """One run: its parts, and the plot that moves them."""

    scenario: Scenario
    seed: int
    directory: Path
    recorder: Recorder | None = None
    bus: Bus = field(default_factory=Bus)
    lan: Lan = field(init=False)
    clock: LoopClock = field(init=False)
    driver: FieldDriver = field(init=False)
    world: World = field(init=False)
    commercial: CommercialSystem = field(init=False)
    around: Surroundings = field(init=False)
    serving: Serving = field(init=False)
    mdm: Mdm | None = None  # where the story has one
    operated: list[Said] = field(default_factory=list)

    async def play(self) -> Story:
        scenario = self.scenario
        self.clock = LoopClock(scenario.start_utc)
        env = world(scenario.start_utc)
        self.driver = FieldDriver(env)
        self.world = World(
            env,
            field_of(scenario),
            self.seed,
            uplinks=self._uplink,
            driver=self.driver,
            recorder=self.recorder,
        )
        self.commercial = CommercialSystem(
            COMMERCIAL, lambda body: self.serving.post(body), self.clock.now
        )
        timeout_s = scenario.delivery().callback_timeout_s
        self.around = Surroundings(self.bus, self.commercial, timeout_s, self._note)
        self.lan = Lan(self.bus)
        self.serving = Serving(
            scenario,
            self.seed,
            self.directory,
            self.clock,
            self.world,
            self.lan,
            self.around,
            self.recorder,
        )
        faults.run(self.world, faults_of(scenario))
        outages.run(self.world, alternating_meters(scenario))
        if scenario.field.wan == "cellular":
            cellular.run(self.world, cells_of(scenario.field).items())
        await self._open_platform()
        head_end = await self.serving.start()
        registry = registry_of(scenario, self.seed)
        await head_end.register(registry.concentrators, registry.meters)
        if scenario.mdm:
            chance = SeededChance(self.seed, "mdm")
            self.mdm = await mdm_scenes.admitted(head_end, self.clock, chance)
        self.driver.start()
        self.world.enter(self.world.start)
        await self._act(self._plot(), seconds(scenario.duration))
        story = await self._look_back(seconds(scenario.duration))
        await self.serving.crash()
        self.around.close()
        self.driver.stop()
        return replace(story, errors=tuple(self.serving.errors))

    async def _look_back(self, simulated_s: float) -> Story:
        head_end = await self.serving.there()
        story = told_of(
            head_end.store,
            self.scenario,
            self.seed,
            self.world,
            self.commercial,
            simulated_s=simulated_s,
        )
        heard = [] if self.mdm is None else self.mdm.journal
        said = in_order(self.commercial.said, self.operated, heard)
        return replace(story, keys=await self.serving.keys(), said=said)

    # --- the plot --------------------------------------------------------------------------------

    def _plot(self) -> list[Coroutine[Any, Any, None]]:
        scenes = [self._event(event) for event in self.scenario.event]
        scenes += [self._read(spec) for spec in self.scenario.read]
        scenes += [self._rekey(spec) for spec in self.scenario.rekey]
        scenes += [self._campaign(spec) for spec in self.scenario.campaign]
        scenes += [self._command(spec) for spec in self.scenario.clock]
        scenes += [self._command(spec) for spec in self.scenario.tariff]
        scenes += [self._press(spec) for spec in self.scenario.press]
        scenes += [self._operate(spec) for spec in self.scenario.operate]
        scenes += [self._ask(spec) for spec in self.scenario.ask]
        if self.mdm is not None:
            scenes += [mdm_scenes.ask(self.mdm, spec) for spec in self.scenario.mdm]
            scenes.append(self.mdm.listen())
        scenes += [
            self.around.course(spec, self.directory / "ami.db")
            for spec in self.scenario.fault
            if where(spec.kind) == "surroundings"
        ]
        for number, spec in enumerate(self.scenario.order, 1):
            wanted = self._wanted(number, spec)
            scenes.append(self._order(spec, wanted))
            if spec.cancel_at is not None:
                scenes.append(self._cancel(seconds(spec.cancel_at), wanted))
        return scenes

    async def _read(self, spec: ReadSpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        head_end = await self.serving.there()
        within = None if spec.deadline is None else timedelta(seconds=seconds(spec.deadline))
        await head_end.ordering.reads.place(
            spec.meter,
            spec.objects,
            source=SOURCE if spec.scheduled else commands.OPERATOR,
            deadline=None if within is None else self.clock.now() + within,
            priority=SCHEDULED if spec.scheduled else None,
        )

    async def _command(self, spec: ClockSpec | TariffSpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        head_end = await self.serving.there()
        await commands.order(head_end, spec, self.scenario.start_utc)

    async def _press(self, spec: PressSpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        commands.press(self.world, spec.meter)

    async def _operate(self, spec: OperateSpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        head_end = await self.serving.there()
        chance = SeededChance(self.seed, "operate", spec.target, spec.at)
        operating = Operating(head_end, self.world, self.clock, chance, self.operated)
        await operating.do(spec)

    async def _ask(self, spec: AskSpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        head_end = await self.serving.there()
        what = f"ami concentrator ask {spec.kind}"
        line = Said(self.clock.now(), "asked", "command", what, device=spec.concentrator)
        self.operated.append(line)
        await commands.ask(head_end, spec)

    async def _rekey(self, spec: RekeySpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        head_end = await self.serving.there()
        chance = SeededChance(self.seed, "rekey", spec.meter, spec.at)
        line = Said(self.clock.now(), "asked", "command", "ami meter rekey", device=spec.meter)
        self.operated.append(line)
        await key_changes.order(head_end, self.clock, chance, spec.meter, commands.OPERATOR)

    async def _campaign(self, spec: CampaignSpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        head_end = await self.serving.there()
        await campaigns.start(head_end, spec, self.scenario.start_utc, commands.OPERATOR)

    async def _act(self, scenes: list[Coroutine[Any, Any, None]], duration_s: float) -> None:
        """Play the scenes for so long.  One that fails ends the run."""
        tasks = [asyncio.ensure_future(scene) for scene in scenes]
        end = asyncio.ensure_future(asyncio.sleep(duration_s))
        assert self.serving.work is not None
        pending: set[asyncio.Future[Any]] = {end, self.serving.work, *tasks}
        try:
            while end in pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if not task.cancelled():  # a crash that the plot asked for
                        task.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _order(self, spec: OrderSpec, wanted: Callable[[], Wanted]) -> None:
        await asyncio.sleep(seconds(spec.at))
        sent = wanted()
        await self._insist(lambda: self.commercial.send(sent))

    async def _cancel(self, at_s: float, wanted: Callable[[], Wanted]) -> None:
        await asyncio.sleep(at_s)
        sent = wanted()
        await self._insist(
            lambda: self.commercial.cancel(
                correlation_id=sent.correlation_id, message_id=f"cancel-{sent.message_id}"
            )
        )

    async def _insist(self, send: Callable[[], Awaitable[object]]) -> None:
        """Send until there is an answer: the same message, under its MessageID."""
        while True:
            try:
                await send()
                return
            except ConnectionError:
                await asyncio.sleep(RESEND_S)

    async def _event(self, event: HeadEndEvent) -> None:
        await asyncio.sleep(seconds(event.at))
        match event.do:
            case "crash-head-end":
                await self.serving.crash()
                await asyncio.sleep(seconds(event.down))
                await self.serving.start()
            case "commercial-down":
                self.commercial.reachable = False
            case "commercial-up":
                self.commercial.reachable = True

    def _wanted(self, number: int, spec: OrderSpec) -> Callable[[], Wanted]:
        """The message, made when it is sent; its ids are the seed's and the order's."""
        ids = SeededChance(self.seed, "message", spec.message_id or number)
        message_id, correlation_id = ids.uuid(), ids.uuid()
        start = self.scenario.start_utc

        def later(duration: str | None, since: datetime) -> datetime | None:
            return None if duration is None else since + timedelta(seconds=seconds(duration))

        sent_at = start + timedelta(seconds=seconds(spec.at))
        return lambda: Wanted(
            kind=ControlKind(spec.kind),
            meters=spec.names(),
            amount=spec.amount,
            unit=spec.unit,
            carrier=spec.carrier,
            generic=spec.style == "generic",
            message_id=message_id,
            correlation_id=correlation_id,
            any_day=spec.any_day,
            until_pressed=spec.until_pressed,
            deadline=later(spec.deadline, sent_at),
            until=later(spec.until, start),
            reply_address=REPLY_ADDRESS if spec.soap_reply else None,
        )

    # --- around it -------------------------------------------------------------------------------

    def _note(self, kind: str, **fields: str) -> None:
        """A line in the world's log, at the world's present time."""
        self.world.enter(lambda: self.world.log(kind, **fields))

    async def _open_platform(self) -> None:
        client = self.lan.member(PLATFORM)
        root = self.scenario.delivery().topic_root
        platform = IntegrationPlatform(self.commercial, client.publish, root)
        await client.subscribe(platform.topic, platform.hear)
        await client.connect()

    def _uplink(self, concentrator: str) -> Uplink:
        def enter(action: Callable[[], None]) -> None:
            self.world.enter(action)

        @cache
        def line() -> Callable[[int], float]:  # the world asks for uplinks while it is being built
            return self.world.wan_delay_s(concentrator)

        return BusUplink(
            self.bus,
            concentrator,
            enter=enter,
            delay_s=lambda octets: line()(octets),
            sources=self.scenario.evidence,
            keepalive_s=keepalive_s(self.scenario.field),
        )
