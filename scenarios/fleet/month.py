"""A fleet collected for weeks by the whole head-end: its own works, on one simulated clock with all
meters, through everything that a month brings.

Unlike `collection`, which takes uploads in afterwards, this runs the head-end itself: task tables,
receipts, upkeep, the ledger and back-fill, over a broker that is away at times; the head-end is
killed and started again on what its database holds.  Some concentrators are down for two days, and
others lose their network for as long, with memories too small for it: what they drop is behind the
newest rows, where only back-fill brings it.  At the end everything that is stored is held against
what each meter truly measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from devices import cellular, faults, outages
from devices.clock import FieldDriver, run_simulated, stopwatch
from devices.clock import world as new_env
from devices.faults import Fault
from devices.world import World
from headend.app.head_end import CallbackFailed, HeadEnd, build
from headend.app.sessions import Bus, BusClient
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import CollectionPolicy, CollectionTask, Config, OrderPolicy, ValidationPolicy
from headend.domain.meter import Concentrator, Meter
from scenarios.fleet.city import City
from scenarios.fleet.conditions import CELL_SIZE, Conditions, troubles
from scenarios.fleet.district import DAY_S, District
from scenarios.fleet.island import spec_of
from scenarios.fleet.month_plot import Plot, long_faults, plot_of
from scenarios.fleet.month_told import Month, told
from scenarios.fleet.provisioning import size_mb
from scenarios.fleet.spread import cpu_s, rss_mb, settle
from scenarios.uplink import BusUplink

PROFILE = "load-profile"
AFTER_S = 900
"""Past midnight UTC, when the last interval of the day has been captured."""
LAN_S = 0.001
RETURN_S = 2.0
TAIL_S = 2 * DAY_S
"""Behind the last day: in which its own gaps are looked for, and filled."""


def run(
    city: City,
    database: str,
    *,
    first_day: int,
    days: int,
    conditions: Conditions,
    progress: Callable[[int], None] = lambda days: None,
) -> Month:
    """Play it into the database of this URL, which is new.  `progress` hears how many more days
    are over."""
    elapsed_s, worked_s = stopwatch(), cpu_s()
    stage = _Stage(city, database, first_day, days, conditions, progress)
    start = datetime.fromtimestamp(stage.start, UTC)
    settle()
    month = run_simulated(stage.play(), start=start)
    return msgspec.structs.replace(
        month,
        wall_s=round(elapsed_s(), 1),
        cpu_s=round(cpu_s() - worked_s, 1),
        peak_rss_mb=round(rss_mb(), 1),
        database_mb=round(size_mb(stage.config), 1),
    )


class _NoCallback:
    """Nobody is called back: there are no orders of a commercial system."""

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        raise CallbackFailed("there is no commercial system")


@dataclass
class _Stage:
    city: City
    database: str
    first_day: int
    days: int
    conditions: Conditions
    progress: Callable[[int], None]
    bus: Bus = field(default_factory=Bus)
    errors: list[BaseException] = field(default_factory=list)
    starts: int = 0
    head_end: HeadEnd | None = None
    _client: BusClient | None = None
    _work: asyncio.Task[None] | None = None
    _returning: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def start(self) -> float:
        """When the first day is over, POSIX seconds."""
        return float((self.first_day + 1) * DAY_S)

    @cached_property
    def plot(self) -> Plot:
        return plot_of(self.city, self.days)

    @cached_property
    def config(self) -> Config:
        task = CollectionTask(
            name=PROFILE,
            objects=(PROFILE,),
            every="1d",
            after_s=AFTER_S,
            back_s=DAY_S - AFTER_S / 2,  # from the first day's first row on, and none before
            whole_days=True,
        )
        return Config(
            database=self.database,
            legacy_database=f"{self.database}.legacy",
            orders=OrderPolicy(zone="UTC"),
            # Validation has proofs of its own, and changes no stored row.
            collection=CollectionPolicy(task=(task,), validation=ValidationPolicy(enabled=False)),
        )

    @cached_property
    def districts(self) -> tuple[District, ...]:
        return tuple(
            District(self.city, number, self.first_day, self.days)
            for number in range(self.city.concentrators)
        )

    async def play(self) -> Month:
        start = datetime.fromtimestamp(self.start, UTC)
        self.clock = LoopClock(start)
        self.driver = FieldDriver(new_env(start))
        self.world = self._world()
        await self._start_head_end()
        assert self.head_end is not None
        await self.head_end.register(self._concentrators(), self._meters())
        self.driver.start()
        self.world.enter(self.world.start)
        scenes = [self._head_end_away(*span) for span in self.plot.head_end]
        scenes += [self._broker_away(*span) for span in self.plot.broker]
        tasks = [asyncio.ensure_future(scene) for scene in scenes]
        for _ in range(self.days - 1):
            await asyncio.sleep(DAY_S)
            self.progress(1)
        await asyncio.sleep(TAIL_S)
        await asyncio.gather(*tasks)
        assert self.head_end is not None
        month = told(self.head_end.store, self.city, self.districts)
        month = msgspec.structs.replace(
            month,
            outages_of_two_days=len(self.plot.down) + len(self.plot.barred),
            broker_outages=len(self.plot.broker),
            head_end_restarts=self.starts - 1,
            head_end_errors=len(self.errors) + len(self.head_end.errors),
        )
        await self._kill_head_end()
        self.driver.stop()
        self.progress(1)
        return month

    # --- the field -------------------------------------------------------------------------------

    def _world(self) -> World:
        specs = [spec_of(district, self.conditions) for district in self.districts]
        spec = replace(specs[0], transformers=tuple(each.transformers[0] for each in specs))
        loads = {
            str(index): load
            for district in self.districts
            for index, load in zip(district.indices, district.loads, strict=True)
        }
        world = World(
            self.driver.env,
            spec,
            self.city.seed,
            uplinks=self._uplink,
            driver=self.driver,
            write_log=False,
            loads=loads.__getitem__,
        )
        names = [district.concentrator for district in self.districts]
        outages.run(world, world.meter_names)
        cells = [names[at : at + CELL_SIZE] for at in range(0, len(names), CELL_SIZE)]
        cellular.run(world, [(f"CELL-{n:03d}", tuple(each)) for n, each in enumerate(cells, 1)])
        faults.run(world, list(self._faults(names)))
        return world

    def _faults(self, names: list[str]) -> Iterator[Fault]:
        for name in names:
            yield from troubles(self.city.seed, name, self.conditions, self.start, self.days)
        yield from long_faults(self.plot, names, self.start)

    def _uplink(self, concentrator: str) -> BusUplink:
        return BusUplink(
            self.bus,
            concentrator,
            enter=lambda action: self.world.enter(action),
            delay_s=lambda octets: self.world.wan_delay_s(concentrator)(octets),
        )

    def _concentrators(self) -> Iterator[Concentrator]:
        return (self.city.concentrator(each.number) for each in self.districts)

    def _meters(self) -> Iterator[Meter]:
        return (meter for each in self.districts for meter in self.city.registered(each.number))

    # --- the head-end ----------------------------------------------------------------------------

    async def _start_head_end(self) -> None:
        """Start it on what its database holds."""
        self.starts += 1

        def lost(why: str) -> None:
            task = asyncio.ensure_future(self._come_back(client))
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)

        client = BusClient(self.bus, "head-end", delay_s=lambda _: LAN_S, on_lost=lost)
        self.head_end = build(
            self.config,
            clock=self.clock,
            chance=SeededChance(self.city.seed, "head-end", self.starts),
            broker=client,
            callback=_NoCallback(),
            live=False,
        )
        await self.head_end.listen()
        await self._come_back(client)
        self._client = client
        self._work = asyncio.ensure_future(self.head_end.run())

    async def _come_back(self, client: BusClient) -> None:
        while not client.connected:
            try:
                await client.connect()
            except ConnectionError:
                await asyncio.sleep(RETURN_S)

    async def _kill_head_end(self) -> None:
        """What is not committed is gone, and nobody says farewell."""
        assert self.head_end is not None and self._client is not None and self._work is not None
        self._work.cancel()
        self._client.drop()
        ended = await asyncio.gather(self._work, return_exceptions=True)
        self.errors += [each for each in ended if isinstance(each, Exception)]
        self.errors += self.head_end.errors
        await self.head_end.close()
        self.head_end = None

    async def _head_end_away(self, at: float, until: float) -> None:
        await asyncio.sleep(at)
        await self._kill_head_end()
        await asyncio.sleep(until - at)
        await self._start_head_end()

    async def _broker_away(self, at: float, until: float) -> None:
        await asyncio.sleep(at)
        self.bus.stop(forgets=True)
        await asyncio.sleep(until - at)
        self.bus.start()
