"""The orders' part of a head-end: the real store in memory, a scripted field, simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import FieldPolicy, OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.evidence import Evidence, Source
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Attempt, JournalLine, Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.orders.accept import Acceptance, Accepted, Submission, Wish
from headend.orders.breakage import Breakages
from headend.orders.breaker import Breaker
from headend.orders.hearing import Hearing
from headend.orders.inbox import Conflict, Inbox, Received, Repeated, Taken
from headend.orders.lanes import Lanes
from headend.orders.settle import Settling
from headend.orders.step import Stepping
from headend.orders.withdraw import Target, Withdrawal, Withdrawn
from headend.ports import Field, Outgoing, Store, Transaction
from headend.store import queries
from headend.store.store import SqlStore
from protocols.commercial import messages as commercial
from tests import databases
from tests.conftest import SIMULATED_START
from tests.orders.scripted_field import ScriptedField

T = TypeVar("T")

SIM = "8956001"
PATIENCE_S = 60.0  # for word of an order's end, before a look whether something broke


@dataclass(slots=True)
class Portal:
    """The carrier's portal; `says` is what it says of every SIM."""

    clock: LoopClock
    says: ReasonCode | None = None

    async def ask(self, sim: str) -> Evidence | None:
        await asyncio.sleep(1)
        if self.says is None:
            return None
        return Evidence(Source.CARRIER_PORTAL, self.clock.now(), f"{sim}: {self.says}", self.says)


@dataclass(slots=True)
class Life:
    """What one start of the process holds; a crash loses it."""

    settling: Settling
    stepping: Stepping
    lanes: Lanes
    inbox: Inbox
    acceptance: Acceptance
    withdrawal: Withdrawal
    hearing: Hearing
    breaker: Breaker
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)


@dataclass(slots=True)
class Office:
    """Everything that takes in and carries out orders; meters M1..M9 behind C1."""

    store: SqlStore
    clock: LoopClock
    field: ScriptedField
    portal: Portal
    policy: OrderPolicy
    days: WorkingDays
    life: Life = field(init=False)
    starts: int = 0
    messages: int = 0
    errors: list[Exception] = field(default_factory=list)

    # --- the process ---

    def start(
        self,
        store: Callable[[Store], Store] = lambda store: store,
        field: Callable[[Field], Field] = lambda field: field,
    ) -> Life:
        """Start it on what the store holds; `store` and `field` may put something between."""
        self.starts += 1
        memory, way = store(self.store), field(self.field)
        chance = SeededChance(1, "head-end", self.starts)
        settling = Settling(chance, self.policy, lambda: None)
        breaker = Breaker(self.policy)
        stepping = Stepping(
            memory, self.clock, chance, way, self.portal, self.policy, self.field.patience,
            self.days, settling, breaker,
        )  # fmt: skip
        breakages = Breakages(memory, self.clock, chance, self.policy, settling, "worker-1")
        lanes = Lanes(memory, self.clock, stepping, self.policy, "worker-1", breakages)
        self.life = Life(
            settling,
            stepping,
            lanes,
            Inbox(memory, self.clock, chance),
            Acceptance(self.policy, self.days, settling, lanes.wake),
            Withdrawal(settling),
            Hearing(memory, self.clock, stepping, settling, breaker, lanes.wake),
            breaker,
        )
        way.listen(self.life.hearing)
        self.life.tasks += [
            asyncio.create_task(_serve(lanes), name="lanes"),
            asyncio.create_task(self.field.repeat(), name="repeats"),
        ]
        return self.life

    async def crash(self) -> None:
        """Everything in memory is gone; nobody says farewell."""
        self.errors += self.life.lanes.errors
        for task in self.life.tasks:
            task.cancel()
        await asyncio.gather(*self.life.tasks, return_exceptions=True)
        self.field.listener = None

    # --- what the commercial system does ---

    async def order(
        self,
        kind: Kind = Kind.SET_LIMIT,
        meter: str = "M1",
        *,
        amount: int = 3000,
        start: datetime | None = None,
        until: datetime | None = None,
        **about: Any,
    ) -> int:
        """Send an order for one meter; its number."""
        self.messages += 1
        limit = kind is Kind.SET_LIMIT
        wish = Wish(
            meter, kind, Decimal(amount) if limit else None, "W" if limit else None, start, until
        )
        about = {
            "source": "CIS",
            "message_id": f"m{self.messages}",
            **about,
        }
        taken = await self.accept(Submission(wishes=(wish,), **about))
        assert isinstance(taken, Taken)
        return taken.effect.orders[0].number

    async def accept(
        self, submission: Submission, digest: str = "d"
    ) -> Taken[Accepted] | Repeated | Conflict:
        """Send a message; what became of it at the counter."""
        life, now = self.life, self.clock.now()
        message = Received(submission.source, submission.message_id, digest, b"<order/>")

        def effect(tx: Transaction, transaction_id: str) -> tuple[Accepted, bytes]:
            accepted = life.acceptance.accept(tx, submission, transaction_id, at=now)
            return accepted, answer(transaction_id, accepted.orders)

        taken = await life.inbox.take(message, effect)
        if isinstance(taken, Taken):
            life.acceptance.announce(taken.effect)
        return taken

    async def cancel(self, source: str = "CIS", **target: Any) -> Withdrawn:
        """Cancel what one `Target` names."""
        life, now = self.life, self.clock.now()
        withdrawn = await self.store.run(
            lambda tx: life.withdrawal.cancel(tx, [Target(**target)], source=source, at=now)
        )
        life.withdrawal.announce(withdrawn)
        return withdrawn

    async def change(self, amount: int, *, meter: str = "M1", **target: Any) -> Withdrawn:
        """Give the waiting limits of a meter another amount in W."""
        withdrawal, now = self.life.withdrawal, self.clock.now()
        return await self.store.run(
            lambda tx: withdrawal.change(
                tx, Target(**target), source="CIS", at=now, meters=[meter],
                amount=Decimal(amount), unit="W",
            )
        )  # fmt: skip

    # --- what is known ---

    async def tell(self, number: int = 1) -> Order:
        order = await self.store.run(lambda tx: tx.order(number))
        assert order is not None
        return order

    async def ended(self, number: int = 1, within_s: float = 24 * 3600) -> Order:
        """The order, once it is final; fails where that takes longer."""
        async with asyncio.timeout(within_s):
            while not (order := await self.tell(number)).final:
                assert self.life.lanes.errors == [], "a step broke"
                await self.life.settling.wait_for_end([number], PATIENCE_S)
        return order

    async def life_after_trouble(self, number: int) -> Order:
        """As `ended`, after errors that a test has provoked."""
        assert self.life.lanes.errors
        self.life.lanes.errors.clear()
        return await self.ended(number)

    def journal(self, number: int = 1) -> list[JournalLine]:
        return self.store.read(lambda connection: queries.journal(connection, number))

    def states(self, number: int = 1) -> list[State]:
        """The states in the order's journal, each as often as it was entered."""
        states = [line.state for line in self.journal(number)]
        return [state for i, state in enumerate(states) if i == 0 or states[i - 1] is not state]

    def attempts(self, number: int = 1) -> list[Attempt]:
        return self.store.read(lambda connection: queries.attempts(connection, number))

    def outgoing(self, number: int = 1) -> list[Outgoing]:
        return self.store.read(lambda connection: queries.outgoing_of(connection, number))

    def told(self, number: int = 1) -> list[commercial.ResultMessage]:
        """What the commercial side is owed on its queue."""
        return [
            commercial.decode_result(outgoing.body)
            for outgoing in self.outgoing(number)
            if outgoing.channel == "queue"
        ]

    async def check(self) -> None:
        """What must hold of every order that has ended: one end, one reply a channel."""
        for order in self.store.read(lambda connection: queries.orders(connection, limit=1000)):
            finals = {state for state in self.states(order.number) if state in ENDS}
            assert order.final, f"{order.number} is {order.state}"
            assert finals == {order.state}
            ends = [s for s in self.states(order.number) if s in ENDS]
            assert ends == [order.state], self.journal(order.number)
            replies = sorted(o.channel for o in self.outgoing(order.number) if o.kind == "reply")
            assert replies == ["legacy", "queue"]
        assert await self.store.run(lambda tx: tx.waiting_orders()) == 0


async def _serve(lanes: Lanes) -> None:
    await lanes.take_over()
    await lanes.run()


ENDS = {State.DONE, State.FAILED, State.EXPIRED, State.CANCELLED, State.REJECTED}


def answer(transaction_id: str, orders: tuple[Order, ...]) -> bytes:
    return f"{transaction_id} {[order.number for order in orders]}".encode()


@asynccontextmanager
async def opened(
    *,
    zone: tzinfo = UTC,
    start: bool = True,
    patience: FieldPolicy | None = None,
    **policy: Any,
) -> AsyncIterator[Office]:
    """An office with its registry filled.  At its end, no step may have broken."""
    clock = LoopClock(SIMULATED_START)
    store = SqlStore(databases.memory(), live=False)
    field = ScriptedField(clock, patience or FieldPolicy())
    days = WorkingDays(zone, frozenset())
    office = Office(store, clock, field, Portal(clock), OrderPolicy(**policy), days)
    await store.run(_register)
    office.start()
    if not start:
        await office.crash()
    try:
        yield office
        await office.crash()
        assert office.errors == []
    finally:
        await office.crash()
        await store.close()


def _register(tx: Transaction) -> None:
    tx.put_concentrators([Concentrator("C1", SIM)])
    tx.put_meters(_meters())


def _meters() -> Iterable[Meter]:
    for number in range(1, 10):
        yield Meter(f"M{number}", "C1", commissioned=True, contracted_w=Decimal(10_000))
    yield Meter("M-unlinked", commissioned=True)
