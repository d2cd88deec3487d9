"""The head-end, wired, live or simulated.

`build` takes what differs between the two (clock, chance, broker, portal, callback) and joins it
with what does not: the groups of `wiring`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from headend.access import lines
from headend.access.guard import Guard
from headend.access.passwords import Passwords
from headend.access.watch import Watch
from headend.app.duties import Duties, Work
from headend.app.key_storage import envelope_of, journal_of
from headend.app.own_name import OwnName
from headend.app.recovery import Recovery
from headend.app.security import security_events
from headend.app.wiring.associating import Associating, associating
from headend.app.wiring.caring import Caring, caring
from headend.app.wiring.collecting import Collecting, collecting
from headend.app.wiring.ground import Ground, Hears
from headend.app.wiring.ordering import Ordering, ordering
from headend.app.wiring.reaching import Reaching, reaching
from headend.app.wiring.telling import Telling, telling
from headend.config import Config
from headend.domain.message_log import DoorMessage
from headend.domain.meter import Concentrator, Meter
from headend.field.broker import Broker
from headend.field.concentrators import Concentrators
from headend.field.direct.line import Arrivals, Line, LineLost, LineUnavailable
from headend.field.direct.performing import Dialling
from headend.integration.legacy import LegacyDatabase
from headend.models import Shelf
from headend.ports import CarrierPortal, Chance, Clock, StoreUnavailable, Transaction
from headend.soap.door.admission import OUR_NAME
from headend.soap.door.message_log import MessageLog
from headend.soap.outbound.callback import Callback, CallbackFailed
from headend.store.occupancy import Duty, Name
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from headend.web.board import Board
from protocols.commercial import messages as commercial

__all__ = [
    "Arrivals",
    "CallbackFailed",
    "HeadEnd",
    "Line",
    "LineLost",
    "LineUnavailable",
    "SqlStore",
    "build",
]


@dataclass(slots=True)
class HeadEnd:
    """A head-end, wired.  `run` serves until it is cancelled; `close` gives the databases back."""

    ground: Ground
    legacy: LegacyDatabase
    reaching: Reaching
    ordering: Ordering
    collecting: Collecting
    caring: Caring
    telling: Telling
    associating: Associating
    guard: Guard
    watch: Watch
    duties: Duties
    own_name: OwnName
    recovery: Recovery
    messages: MessageLog  # of the order desk's SOAP door
    board: Board = field(default_factory=Board)  # what its pages announce

    @property
    def config(self) -> Config:
        return self.ground.config

    @property
    def store(self) -> SqlStore:
        return self.ground.store

    def refused_by_tls(self, why: str) -> None:
        """A client of the SOAP door has no certificate that counts."""
        now = self.guard.clock.now()
        self.watch.saw(lines.seen(now, "tls.refused", "the SOAP door", why))

    @property
    def errors(self) -> tuple[Exception, ...]:
        """What went wrong inside and should not have; each was logged when it happened."""
        parts = (*self._always().values(), *self.duties.works.values(), self.watch)
        return (*(error for part in parts for error in part.errors), *self.recovery.errors)

    def _always(self) -> dict[str, Work]:
        """What every worker does for itself."""
        notices = {"sending": self.telling.sending} if self.config.channel else {}
        return {
            "lanes": self.ordering.lanes,
            "outbox": self.ordering.outbox,
            "mail": self.ordering.mail,
            "duties": self.duties,
            "own name": self.own_name,
            "messages": self.messages,
            **notices,
        }

    async def listen(self) -> None:
        """Subscribe to concentrators and receipts; before the broker's session is opened, so that
        nothing that waits in it is missed."""
        lanes, field = self.ordering.lanes, self.ground.field
        lanes.stopped = await self.recovery.stopped()
        await lanes.take_over()
        field.listen(self.ordering.hearing)
        for kind, hearer in self._hears():
            field.hear(kind, hearer)
        await field.start()
        receipts = commercial.receipts(self.config.delivery.topic_root)
        heard = self.ordering.queue.receipts(self.ordering.acknowledged)
        await self.ground.broker.subscribe(receipts, heard)

    def _hears(self) -> Hears:
        return (
            *self.reaching.hears(),
            *self.collecting.hears(self.duties),
            *self.caring.hears(self.duties),
        )

    async def register(
        self, concentrators: Iterable[Concentrator], meters: Iterable[Meter]
    ) -> None:
        """Enter devices into the registry, or renew what it says of them."""

        def work(tx: Transaction) -> None:
            tx.put_concentrators(concentrators)
            tx.put_meters(meters)

        await self.store.run(work)

    async def run(self) -> None:
        """Carry out orders and deliver results, until cancelled; after a restoration not before
        somebody lets us."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.watch.run(), name="watch")
            if self.ordering.lanes.stopped:
                await self.recovery.until_resumed()
                self.ordering.lanes.stopped = False
            for name, work in self._always().items():
                group.create_task(work.run(), name=name)

    async def close(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            await self.messages.write()
        await self.store.close()
        await self.legacy.close()


def build(
    config: Config,
    *,
    clock: Clock,
    chance: Chance,
    broker: Broker,
    callback: Callback,
    portal: CarrierPortal | None = None,
    dialling: Dialling | None = None,
    store: SqlStore | None = None,
    duty: Duty | None = None,
    name: Name | None = None,
    live: bool = True,
) -> HeadEnd:
    """Join the parts.  `live` False keeps every transaction in the caller's thread, as the
    simulated clock demands; `dialling` is the way to directly reached meters, where it is not over
    real lines; `store` is one that somebody has opened on the configured database; `duty` is what
    several workers on it take turns at, `name` this worker's, where it can be lost."""
    envelope = envelope_of(config)
    store = store or SqlStore(config.database, live=live)
    vault = None if envelope is None else KeyVault(store, envelope, journal_of(config, clock))
    field = Concentrators(broker, clock, chance, config.field, group=config.mqtt.share)
    shelf = Shelf(config.direct.models)
    ground = Ground(config, store, clock, chance, broker, field, shelf, vault, live)
    legacy = LegacyDatabase(config.legacy_database, live=live)
    security = security_events(config, store, clock, chance)
    told = (lambda: None) if security is None else security.wake
    guard = Guard(store, clock, Passwords(chance, live=live), config.access, told)
    watch = Watch(guard.note, clock)
    ways = reaching(ground, dialling)
    orders = ordering(ground, ways, legacy, callback, portal)
    collected = collecting(ground, ways, orders)
    cared = caring(ground, orders, collected)
    tells = telling(ground, legacy, security, watch, orders.mail)
    tasks = associating(ground)
    works = {
        **orders.works(), **collected.works(), **cared.works(), **tells.works(), **tasks.works(),
    }  # fmt: skip
    duties = Duties(duty, field, works, may_end=name is not None)

    async def stand_down() -> None:
        duties.allow(False)
        await orders.lanes.stand_down()

    async def stand_up() -> None:
        await orders.lanes.stand_up()
        duties.allow(True)

    own_name = OwnName(name, stand_down, stand_up)
    recovery = Recovery(store, clock, ways.direct)

    async def keep(messages: Sequence[DoorMessage]) -> None:
        await store.run(lambda tx: tx.add_door_messages(messages))

    return HeadEnd(
        ground, legacy, ways, orders, collected, cared, tells, tasks, guard, watch, duties,
        own_name, recovery, MessageLog(OUR_NAME, clock, keep, watch.saw),
    )  # fmt: skip
