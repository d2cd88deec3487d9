"""The division, up: what `ami demo --serve` shows.

The head-end works in this process.  The field and the utility's other systems have one each, and so
has the past, which is filled in while somebody looks: the newest day first.  Everything listens on
this machine alone, on ports that were free, and lies in one folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from headend.access.desk import By
from headend.access.first import FIRST
from headend.app.collector import start_settled
from headend.app.registering import registry_desk
from headend.app.rest import account_desk
from headend.app.serving import Running, serving
from headend.app.sessions import Bus, open_session, session_at
from headend.clock import WallClock
from headend.config import CollectionPolicy, CollectionTask, Config, OrderPolicy, Rest, Soap
from headend.config.qa import Qa
from headend.config.rollup import RollupPolicy
from headend.config.tasks import Associations
from headend.domain.account import Role
from headend.ports import StoreUnavailable
from scenarios.division import field as live
from scenarios.division import orders as division_orders
from scenarios.division import past, registry, systems
from scenarios.division.history import Filled, days_back
from scenarios.division.making import ZONE, Size, division
from scenarios.division.process import Running as Process
from scenarios.division.process import running as process
from scenarios.division.resting import Resting
from scenarios.division.troubles import Troubles, troubles_of
from scenarios.stand_ins.commercial import CommercialSystem, Post
from scenarios.stand_ins.integration_platform import IntegrationPlatform
from scenarios.utility.model import Utility
from scenarios.utility.standing import Standing

DAYS: Final = 30
BY: Final = By("division", "ami demo --serve")
VISITOR: Final = tuple(role for role in Role if role is not Role.PARTY)
"""Who looks at the division is technician, operator, analyst and all others in turn."""
LOOK_S: Final = 0.2
FIGURES_WITHIN_S: Final = 30.0
"""Whoever looks does not wait longer for the dashboard's figures: they come meanwhile."""
HEARD_SHARE: Final = 0.9
"""Orders go out when so many of the concentrators have a session."""

Told = Callable[[str], None]


class NoBroker(Exception):
    """There is no Mosquitto on this machine: the field's process could not reach the head-end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which division, and where."""

    folder: Path
    seed: int = 7
    size: Size = Size()
    days: int = DAYS
    soap_port: int = 0
    rest_port: int = 0
    verbose: bool = False

    @property
    def database(self) -> str:
        """The head-end's."""
        return f"sqlite:///{self.folder / 'ami.db'}"


@dataclass(slots=True, kw_only=True)
class Living:
    """Where everything is reached.  `work` ends only with what stopped a part of it; `told` hears
    what happens, in words."""

    wanted: Wanted
    utility: Utility
    now: datetime
    running: Running
    systems: Standing
    told: Told
    troubles: Troubles
    commercial: CommercialSystem
    on_line: int = 0
    filled: list[Filled] = field(default_factory=list)
    meters_ready: asyncio.Event = field(default_factory=asyncio.Event)
    past_ready: asyncio.Event = field(default_factory=asyncio.Event)
    field_ready: asyncio.Event = field(default_factory=asyncio.Event)
    feeders_ready: asyncio.Event = field(default_factory=asyncio.Event)
    figures_ready: asyncio.Event = field(default_factory=asyncio.Event)
    work: asyncio.Task[None] | None = None

    async def live(self, field_process: Process, past_process: Process) -> None:
        """Hear of the field and of the past, have orders sent and tasks run; until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear(field_process))
            group.create_task(self._order())
            group.create_task(self._remember(past_process))
            group.create_task(self._measure())
            group.create_task(self._figure())
            group.create_task(_until_broken(self.running.work))

    async def figured(self) -> None:
        """Return when the dashboard has its figures, or they take too long, or a part has
        broken."""
        ready = asyncio.create_task(self.figures_ready.wait())
        assert self.work is not None
        await asyncio.wait(
            {ready, self.work}, timeout=FIGURES_WITHIN_S, return_when=asyncio.FIRST_COMPLETED
        )
        ready.cancel()
        await asyncio.gather(ready, return_exceptions=True)

    async def _hear(self, field_process: Process) -> None:
        concentrators = len(self.utility.transformers) - 1  # one is silent
        while True:
            self.on_line = await field_process.word()
            if self.on_line >= HEARD_SHARE * concentrators and not self.field_ready.is_set():
                self.told(f"field: {self.on_line} of {concentrators} concentrators are on line")
                self.field_ready.set()

    async def _order(self) -> None:
        await self.field_ready.wait()
        count = 0
        for each in division_orders.orders(self.utility, self.troubles, self.commercial.now()):
            count += (await self.commercial.send(each)).taken
        self.told(f"orders: the commercial system has sent {count}")

    async def _remember(self, past_process: Process) -> None:
        board = self.running.head_end.board
        while (word := await past_process.word()) != past.VALIDATED:
            if isinstance(word, Filled):
                self.filled.append(word)
                self._announce(word.number, word.of)
                if word.number == word.of:
                    self.meters_ready.set()
                    board.say(
                        "El mes de los medidores está completo; se resumen y validan sus valores.",
                        "The meters' month is in; its values are being rolled up and validated.",
                    )
                self.told(
                    f"history: day {word.number} of {word.of}, {word.day}: {word.rows:,} rows"
                )
            else:
                self.told(f"history: {word}")
            if word == past.FEEDERS:
                self.feeders_ready.set()
        self.told("history: complete, rolled up and validated")
        board.clear()
        self.past_ready.set()

    async def _measure(self) -> None:
        """Count anew what service levels promise: a month that comes with the times at which it
        would have come seems to have been here when the head-end began to count."""
        await self.meters_ready.wait()
        head_end = self.running.head_end
        store = Resting(head_end.store)
        for day in days_back(self.now, self.wanted.days):
            await store.run(lambda tx, day=day: tx.put_measured(day, ()))  # type: ignore[misc]
        while True:
            try:
                await head_end.telling.measuring.measure()
                return self.told("service levels: measured")
            except StoreUnavailable:
                await asyncio.sleep(LOOK_S)

    def _announce(self, day: int, of: int) -> None:
        """Say on the pages how much of the past is in."""
        self.running.head_end.board.say(
            f"Se carga el pasado de los medidores: {day} de {of} días, el más nuevo primero.",
            f"The meters' past is being filled in: {day} of {of} days, the newest first.",
            day / of,
        )

    async def _figure(self) -> None:
        """Have the tasks run that would have run this morning."""
        for name in ("SIADCustomersInfo", "SIADSimoceMapping"):
            await self._run(name)
        await self.feeders_ready.wait()
        await self._run("InfoGenerationHr")
        self.figures_ready.set()
        await self._run("UnbalanceHr")

    async def _run(self, name: str) -> None:
        desk, store = self.running.head_end.associating.desk, Resting(self.running.head_end.store)
        while not await store.run(lambda tx: tx.task(name) is not None):
            await asyncio.sleep(LOOK_S)
        while True:
            try:
                number = (await desk.run_now(name, BY)).number
                break
            except StoreUnavailable:
                await asyncio.sleep(LOOK_S)
        while (run := await store.run(lambda tx: tx.task_run(number))) is not None and run.open:
            await asyncio.sleep(LOOK_S)
        self.told(f"task {name}: {'gone' if run is None else run.state}")


async def _until_broken(work: asyncio.Task[None]) -> None:
    await asyncio.wait({work})
    work.result()


def config_of(wanted: Wanted, other: Standing) -> Config:
    """The head-end's configuration."""
    return Config(
        database=wanted.database,
        legacy_database=f"sqlite:///{wanted.folder / 'ami-legacy.db'}",
        soap=Soap(port=wanted.soap_port),
        rest=Rest(port=wanted.rest_port),
        qa=Qa(folder=wanted.folder / "qa-runs"),
        orders=OrderPolicy(zone=str(ZONE), backoff_first_s=10.0),
        collection=CollectionPolicy(
            task=(
                CollectionTask(
                    name="load-profile", objects=("load-profile",), every="15min", after_s=60.0,
                    back_s=3600.0,
                ),
                CollectionTask(
                    name="registers", kind="registers", every="15min", after_s=120.0,
                    objects=("voltage-l1", "active-energy-import"),
                ),
            )
        ),
        rollup=RollupPolicy(enabled=True),
        associations=Associations(
            siad=other.adapters["SIAD"],
            simoce=other.adapters["SIMOCE"],
            scada=other.adapters["SCADA"],
            vip=other.adapters["VIP"],
            repository=other.adapters["Repository"],
        ),
    )  # fmt: skip


@asynccontextmanager
async def living(wanted: Wanted, post: Callable[[str], Post], told: Told) -> AsyncIterator[Living]:
    """Bring everything up.  `post` makes the commercial system's way to the SOAP door.

    Raises `NoBroker`, `ProcessLost`, and what `headend.app.serving` raises.
    """
    clock = WallClock()
    now = clock.now()
    utility = await asyncio.to_thread(division, wanted.seed, now, wanted.size)
    async with registry_desk(Config(database=wanted.database)) as desk:
        await desk.do(lambda tx: registry.enter(tx, utility, now))
    folder = wanted.folder / "systems"
    folder.mkdir()
    asked = systems.Asked(utility, folder, str(wanted.folder.absolute() / "ami.db"))
    past_asked = past.Asked(utility, now, wanted.days, wanted.database)
    async with (
        process("the utility", systems.run, asked, verbose=wanted.verbose) as theirs,
        process("the past", past.run, past_asked, verbose=wanted.verbose) as past_process,
    ):
        other: Standing = await theirs.word()
        config = config_of(wanted, other)
        async with serving(config) as head_end:
            head_end.head_end.board.say(
                "Se preparan las cifras de los circuitos de un mes: en un minuto están aquí.",
                "The circuits' figures of a month are being prepared: they are here in a minute.",
            )
            await account_desk(head_end.head_end).set_roles(FIRST, VISITOR, BY)
            where = head_end.broker
            if isinstance(where, Bus):
                raise NoBroker
            session = session_at(where, "integration-platform")
            commercial = CommercialSystem(
                division_orders.SOURCE, post(head_end.soap_url), clock.now
            )
            platform = IntegrationPlatform(commercial, session.publish, config.delivery.topic_root)
            await session.subscribe(platform.topic, platform.hear)
            field_asked = live.Asked(utility, where.host, where.port)
            async with (
                open_session(session),
                process(
                    "the field", live.run, field_asked, verbose=wanted.verbose
                ) as field_process,
            ):
                found = Living(
                    wanted=wanted,
                    utility=utility,
                    now=now,
                    running=head_end,
                    systems=other,
                    told=told,
                    troubles=troubles_of(utility),
                    commercial=commercial,
                )
                found.work = asyncio.create_task(found.live(field_process, past_process))
                try:
                    await found.figured()
                    with start_settled():
                        yield found
                finally:
                    found.work.cancel()
                    await asyncio.gather(found.work, return_exceptions=True)
