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

import msgspec

from devices import cellular, faults, outages
from devices.chance import stream
from devices.clock import FieldDriver, run_simulated, stopwatch, world
from devices.gateway.uplink import Uplink
from devices.modem import CarrierView
from devices.wan import Technology, one_way_ms
from devices.world import World
from headend.app.head_end import HeadEnd, build
from headend.app.sessions import Bus, BusClient
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.collection.schedule import SOURCE
from headend.config import Config, KeyStorage
from headend.domain.collecting import UploadTaken
from headend.domain.discovery import Discovery
from headend.domain.event import Incident
from headend.domain.interval import IntervalDay
from headend.domain.meter import Meter
from headend.domain.order import SCHEDULED, Attempt, JournalLine, Order
from headend.domain.reading import Push
from headend.ports import CarrierPortal as Portal
from headend.ports import Outgoing
from headend.store import collected_queries, event_queries, queries, upkeep_queries
from protocols.capture.recorder import Recorder
from protocols.cim.control_types import ControlKind
from scenarios import campaigns, commands, key_changes
from scenarios.aim import aimed
from scenarios.cells import cells_of
from scenarios.direct_lines import SimulatedDialling
from scenarios.fault_spec import where
from scenarios.field import alternating_meters, faults_of, field_of, registry_of, sim_of
from scenarios.no_solution import explained
from scenarios.scatter import scattered
from scenarios.schema import (
    CampaignSpec,
    ClockSpec,
    HeadEndEvent,
    OrderSpec,
    PressSpec,
    ReadSpec,
    RekeySpec,
    Scenario,
    TariffSpec,
    seconds,
)
from scenarios.stand_ins.carrier_portal import CarrierPortal
from scenarios.stand_ins.commercial import CommercialSystem, Wanted
from scenarios.stand_ins.integration_platform import NAME as PLATFORM
from scenarios.stand_ins.integration_platform import IntegrationPlatform
from scenarios.surroundings import LAN_DELAY_S, Surroundings, TroubledStore
from scenarios.uplink import BusUplink, keepalive_s

COMMERCIAL = "COMERCIAL"
REPLY_ADDRESS = "http://commercial.test/replies"
RESEND_S = 5.0  # the commercial system sends a message again that nobody answered
RETURN_S = 2.0  # head-end and integration platform try again to reach their broker


@dataclass(frozen=True, slots=True)
class Record:
    """What the head-end has of one order."""

    order: Order
    journal: tuple[JournalLine, ...]
    attempts: tuple[Attempt, ...]
    outgoing: tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is known at the end of a run."""

    scenario: Scenario
    seed: int
    records: tuple[Record, ...]
    commercial: CommercialSystem
    world: World
    errors: tuple[BaseException, ...]  # of the head-end's own making; there must be none
    simulated_s: float
    wall_s: float = 0.0
    pages: tuple[IntervalDay, ...] = ()  # what was stored of profiles
    uploads: tuple[UploadTaken, ...] = ()
    pushes: tuple[Push, ...] = ()  # what meters said unasked
    incidents: tuple[Incident, ...] = ()  # the first one first
    discoveries: tuple[Discovery, ...] = ()
    heard: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    # by concentrator and meter: keep-alives heard, and asked for, in the hours that were told
    registered: tuple[Meter, ...] = ()  # as the registry has them
    keys: dict[str, str] = field(default_factory=dict)  # by meter, as `key_changes.standing` says

    @property
    def log_sha256(self) -> str:
        return self.world.log.sha256


def run(
    scenario: Scenario,
    *,
    seed: int | None = None,
    keep: Path | None = None,
    recorder: Recorder | None = None,
) -> Story:
    """Run a scenario to its end.

    The head-end's databases vanish with the run unless `keep` names an empty directory for them.
    What travelled goes to the `recorder`; whoever gave it closes it.
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
            story = run_simulated(stage.play(), start=scenario.start_utc)
    return replace(story, wall_s=elapsed_s())


@dataclass(slots=True)
class _Stage:
    """One run: its parts, and the plot that moves them."""

    scenario: Scenario
    seed: int
    directory: Path
    recorder: Recorder | None = None
    bus: Bus = field(default_factory=Bus)
    errors: list[BaseException] = field(default_factory=list)
    starts: int = 0
    clock: LoopClock = field(init=False)
    driver: FieldDriver = field(init=False)
    world: World = field(init=False)
    commercial: CommercialSystem = field(init=False)
    around: Surroundings = field(init=False)
    head_end: HeadEnd | None = None
    _client: BusClient | None = None
    _work: asyncio.Task[None] | None = None
    _returning: set[asyncio.Task[None]] = field(default_factory=set)

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
        self.commercial = CommercialSystem(COMMERCIAL, self._post, self.clock.now)
        timeout_s = scenario.delivery().callback_timeout_s
        self.around = Surroundings(self.bus, self.commercial, timeout_s, self._note)
        faults.run(self.world, faults_of(scenario))
        outages.run(self.world, alternating_meters(scenario))
        if scenario.field.wan == "cellular":
            cellular.run(self.world, cells_of(scenario.field).items())
        await self._open_platform()
        await self._start_head_end()
        registry = registry_of(scenario, self.seed)
        assert self.head_end is not None
        await self.head_end.register(registry.concentrators, registry.meters)
        self.driver.start()
        self.world.enter(self.world.start)
        await self._act(self._plot(), seconds(scenario.duration))
        story = replace(self._look_back(seconds(scenario.duration)), keys=await self._keys())
        await self._crash_head_end()
        self.around.close()
        self.driver.stop()
        return story

    # --- the plot --------------------------------------------------------------------------------

    def _plot(self) -> list[Coroutine[Any, Any, None]]:
        scenes = [self._event(event) for event in self.scenario.event]
        scenes += [self._read(spec) for spec in self.scenario.read]
        scenes += [self._rekey(spec) for spec in self.scenario.rekey]
        scenes += [self._campaign(spec) for spec in self.scenario.campaign]
        scenes += [self._command(spec) for spec in self.scenario.clock]
        scenes += [self._command(spec) for spec in self.scenario.tariff]
        scenes += [self._press(spec) for spec in self.scenario.press]
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
        while self.head_end is None:  # whoever asks waits for it to come back
            await asyncio.sleep(RESEND_S)
        within = None if spec.deadline is None else timedelta(seconds=seconds(spec.deadline))
        await self.head_end.reads.place(
            spec.meter,
            spec.objects,
            source=SOURCE if spec.scheduled else commands.OPERATOR,
            deadline=None if within is None else self.clock.now() + within,
            priority=SCHEDULED if spec.scheduled else None,
        )

    async def _command(self, spec: ClockSpec | TariffSpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        while self.head_end is None:
            await asyncio.sleep(RESEND_S)
        await commands.order(self.head_end, spec, self.scenario.start_utc)

    async def _press(self, spec: PressSpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        commands.press(self.world, spec.meter)

    async def _rekey(self, spec: RekeySpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        while self.head_end is None:
            await asyncio.sleep(RESEND_S)
        chance = SeededChance(self.seed, "rekey", spec.meter, spec.at)
        await key_changes.order(self.head_end, self.clock, chance, spec.meter, commands.OPERATOR)

    async def _campaign(self, spec: CampaignSpec) -> None:
        await asyncio.sleep(seconds(spec.at))
        while self.head_end is None:
            await asyncio.sleep(RESEND_S)
        await campaigns.start(self.head_end, spec, self.scenario.start_utc, commands.OPERATOR)

    async def _act(self, scenes: list[Coroutine[Any, Any, None]], duration_s: float) -> None:
        """Play the scenes for so long.  One that fails ends the run."""
        tasks = [asyncio.ensure_future(scene) for scene in scenes]
        end = asyncio.ensure_future(asyncio.sleep(duration_s))
        assert self._work is not None
        pending: set[asyncio.Future[Any]] = {end, self._work, *tasks}
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
                await self._crash_head_end()
                await asyncio.sleep(seconds(event.down))
                await self._start_head_end()
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

    # --- the head-end ----------------------------------------------------------------------------

    async def _start_head_end(self) -> None:
        """Start it on what its databases hold."""
        self.starts += 1
        scenario = self.scenario
        delivery = scenario.delivery()
        config = Config(
            database=f"sqlite:///{self.directory / 'ami.db'}",
            legacy_database=f"sqlite:///{self.directory / 'legacy.db'}",
            orders=scenario.order_policy(),
            field=scenario.field_policy(),
            delivery=msgspec.structs.replace(delivery, reply_addresses=(REPLY_ADDRESS,)),
            keys=KeyStorage(envelope_file=self._envelope()),
            direct=scenario.direct_policy(),
            collection=scenario.collection_policy(),
            clock=scenario.clock_policy(),
        )
        client = self._member("head-end")
        self.head_end = build(
            config,
            clock=self.clock,
            chance=SeededChance(self.seed, "head-end", self.starts),
            broker=client,
            callback=self.around,
            store=TroubledStore(config.database, self.around),
            portal=self._portal(),
            dialling=SimulatedDialling(self.world, self._wan),
            live=False,
        )
        await self._install_keys(self.head_end)
        await self.head_end.listen()
        await client.connect()
        self._client = client
        self._work = asyncio.ensure_future(self.head_end.run())

    def _envelope(self) -> Path:
        """What the head-end seals keys by; of a seed, as everything here."""
        path = self.directory / "envelope"
        if not path.exists():
            path.write_text(SeededChance(self.seed, "envelope").octets("key", 64).hex())
        return path

    async def _install_keys(self, head_end: HeadEnd) -> None:
        """The keys of the meters that the head-end speaks with by itself."""
        assert head_end.vault is not None
        for meter in registry_of(self.scenario).meters:
            if meter.address is not None:
                device = self.world.meter(meter.name)
                await key_changes.install(head_end.vault, device, meter.name)

    async def _keys(self) -> dict[str, str]:
        """How those whose keys were to change stand with the head-end."""
        assert self.head_end is not None and self.head_end.vault is not None
        vault = self.head_end.vault
        return {
            name: await key_changes.standing(vault, self.world.meter(name), name)
            for name in sorted({spec.meter for spec in self.scenario.rekey})
        }

    def _wan(self, meter: str) -> Callable[[int], float]:
        rng = stream(self.seed, "wan", meter)
        return lambda octets: one_way_ms(Technology.LTE, rng) / 1000

    async def _crash_head_end(self) -> None:
        """End it as a power cut would: what is not committed is gone, nobody says farewell."""
        if self.head_end is None or self._client is None or self._work is None:
            return
        self._work.cancel()
        self._client.drop()
        await asyncio.gather(self._work, return_exceptions=True)
        self.errors += self.head_end.errors
        await self.head_end.close()
        self.head_end = None

    async def _post(self, body: bytes) -> bytes:
        """The way from the commercial system through the integration platform to the SOAP door."""
        await asyncio.sleep(LAN_DELAY_S)
        if self.head_end is None or self._work is None:
            raise ConnectionRefusedError("the head-end is down")
        answering = asyncio.ensure_future(self.head_end.soap.handle(body))
        await asyncio.wait({answering, self._work}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():  # it died first; whether it has stored the message, nobody knows
            answering.cancel()
            raise ConnectionResetError("the head-end went down before it answered")
        starts = self.starts
        await asyncio.sleep(LAN_DELAY_S)
        if self.head_end is None or self.starts != starts:
            raise ConnectionResetError("the head-end went down as it answered")
        return (await answering).body

    def _member(self, name: str) -> BusClient:
        """A client near the broker, which comes back when the broker does."""

        def lost(why: str) -> None:
            task = asyncio.ensure_future(self._come_back(client))
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)

        client = BusClient(self.bus, name, delay_s=lambda _: LAN_DELAY_S, on_lost=lost)
        return client

    async def _come_back(self, client: BusClient) -> None:
        while not client.connected:
            await asyncio.sleep(RETURN_S)
            try:
                await client.connect()
            except ConnectionError:
                continue

    # --- around it -------------------------------------------------------------------------------

    def _note(self, kind: str, **fields: str) -> None:
        """A line in the world's log, at the world's present time."""
        self.world.enter(lambda: self.world.log(kind, **fields))

    async def _open_platform(self) -> None:
        client = self._member(PLATFORM)
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

    def _portal(self) -> Portal | None:
        if not self.scenario.evidence.carrier_portal:
            return None

        def view(name: str) -> Callable[[], CarrierView]:
            modem = self.world.concentrators[name].modem
            return lambda: self.world.enter(lambda: modem.seen_by_carrier(self.world.env.now))

        views = {sim_of(name): view(name) for name in self.world.concentrators}
        return CarrierPortal(views, self.clock.now)

    # --- looking back ----------------------------------------------------------------------------

    def _look_back(self, simulated_s: float) -> Story:
        assert self.head_end is not None
        records = self.head_end.store.read(records_of)
        for line in sorted(
            (line for record in records for line in record.journal),
            key=lambda line: (line.at, line.order),
        ):
            self.world.log(
                "journal",
                on=round(line.at.timestamp() * 1e6),
                order=line.order,
                state=line.state,
                cause=line.cause,
            )
        pages = tuple(self.head_end.store.read(collected_queries.interval_days))
        uploads = tuple(self.head_end.store.read(collected_queries.all_uploads))
        for upload in uploads:
            self.world.log(
                "upload",
                on=round(upload.received_at.timestamp() * 1e6),
                concentrator=upload.concentrator,
                id=upload.id,
                new=upload.new,
                again=upload.again,
                changed=upload.changed,
                dropped=upload.dropped,
            )
        for answered in self.commercial.answers:
            self.world.log("answer", text=answered.text, transaction=answered.transaction_id)
        return Story(
            self.scenario,
            self.seed,
            records,
            self.commercial,
            self.world,
            (*self.errors, *self.head_end.errors),
            simulated_s,
            pages=pages,
            uploads=uploads,
            pushes=tuple(self.head_end.store.read(collected_queries.pushes)),
            incidents=self.head_end.store.read(_incidents),
            discoveries=tuple(self.head_end.store.read(upkeep_queries.discoveries)),
            registered=self.head_end.store.read(_registered),
            heard={name: self._heard(self.head_end, name) for name in self.world.concentrators},
        )

    def _heard(self, head_end: HeadEnd, concentrator: str) -> dict[str, tuple[int, int]]:
        return head_end.store.read(
            lambda connection: upkeep_queries.availability_of(connection, concentrator)
        )


def _incidents(connection: Any) -> tuple[Incident, ...]:
    found = event_queries.incidents(connection, event_queries.IncidentFilter(), limit=1_000_000)
    return tuple(each.incident for each in reversed(found))


def _registered(connection: Any) -> tuple[Meter, ...]:
    return tuple(queries.meters(connection, limit=1_000_000))


def records_of(connection: Any) -> tuple[Record, ...]:
    """Every order, the earliest first, with all that is kept of it."""
    found = queries.orders(connection, limit=1_000_000)
    return tuple(
        Record(
            order,
            tuple(queries.journal(connection, order.number)),
            tuple(queries.attempts(connection, order.number)),
            tuple(queries.outgoing_of(connection, order.number)),
        )
        for order in reversed(found)
    )
