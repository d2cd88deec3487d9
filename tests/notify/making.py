"""A street with rules and channels that write down what they are given, on the simulated clock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from headend.chance import SeededChance
from headend.changes.numbering import Numbering
from headend.clock import LoopClock
from headend.config import EventPolicy
from headend.config.notify import Notification, NotifyRule
from headend.domain.event import Incident, Subject
from headend.domain.notice import Notice
from headend.domain.place import Place, PlaceKind
from headend.domain.reading import Reading
from headend.events.acknowledge import acknowledge
from headend.events.taking import EventIntake
from headend.models import Shelf
from headend.notify.message import Said
from headend.notify.places import codes_of
from headend.notify.raising import Raising
from headend.notify.sending import NotSent, Sending
from headend.ports import Transaction
from headend.store.events import INCIDENT
from headend.store.notices import NOTICE
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from tests import databases
from tests.conftest import SIMULATED_START
from tests.events.making import CODE, street

CHILE = ZoneInfo("America/Santiago")
STATUS = Shelf().get("sim-3p").status
_opened: list[SqlStore] = []


def close() -> None:
    while _opened:
        asyncio.run(_opened.pop().close())


@dataclass
class Noted:
    """A channel that keeps what it was given; or fails, in turn, by `failures`."""

    said: list[Said] = field(default_factory=list)
    failures: list[NotSent] = field(default_factory=list)

    async def send(self, notice: Notice, what: Said) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.said.append(what)


@dataclass
class House:
    """Everything between an event and a channel."""

    rules: tuple[NotifyRule, ...]
    policy: Notification = Notification()
    members_min: int = 3
    ways: dict[str, Noted] = field(default_factory=lambda: {"a": Noted(), "b": Noted()})

    def __post_init__(self) -> None:
        self.store = SqlStore(databases.memory(), live=False, telling=True)
        _opened.append(self.store)
        self.clock, self.chance = LoopClock(SIMULATED_START), SeededChance(5, "notices")
        self.intake = EventIntake(EventPolicy(members_min=self.members_min))
        self.numbering = Numbering(self.store, self.clock, 86_400.0)
        self.sending = Sending(self.store, self.clock, self.chance, self.policy, self.ways)
        self.raising = self.new_raising()

    def new_raising(self) -> Raising:
        return Raising(
            self.store, self.clock, self.chance, self.rules, CHILE, 120.0, codes_of
        )  # fmt: skip

    async def open(self, count: int = 10) -> House:
        """Meters M000.. under transformer T-1, which lies in zone NORTE."""

        def work(tx: Transaction) -> None:
            assert isinstance(tx, SqlTransaction)
            street(tx, count)
            tx.put_places(
                [Place("NORTE", PlaceKind.ZONE), Place("T-1", PlaceKind.TRANSFORMER, "NORTE")]
            )

        await self.store.run(work)
        return self

    async def happens(self, code: int, *meters: int, ago_s: float = 0.0) -> None:
        """These meters push an event's code."""
        now = self.clock.now()
        at = now - timedelta(seconds=ago_s)
        for meter in meters:
            reading = Reading(f"M{meter:03}", CODE, 2, at, now, "push 1", value=str(code))
            await self.store.run(
                lambda tx, reading=reading: self.intake.pushed(tx, [reading], STATUS, now)
            )

    async def seen(self, subject: Subject, number: int) -> None:
        now = self.clock.now()
        await self.store.run(
            lambda tx: acknowledge(tx, subject, number, at=now, who="ana", note="", source="test")
        )

    async def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, then let everybody look once."""
        await asyncio.sleep(seconds)
        await self.numbering.number()
        await self.raising.look()
        await self.raising.again()
        await self.sending.send_due()

    async def pass_by(self, seconds: float, step_s: float = 60.0) -> None:
        for _ in range(round(seconds / step_s)):
            await self.turn(step_s)

    def told(self, channel: str = "a") -> list[str]:
        """What came, in short."""
        return [
            f"{one.type} {one.event.device if one.event else one.incident.place}"  # type: ignore[union-attr]
            for one in self.ways[channel].said
        ]

    def notices(self) -> list[Notice]:
        def query(connection: object) -> list[Notice]:
            rows = connection.execute(NOTICE.select().order_by(NOTICE.table.c.line))  # type: ignore[attr-defined]
            return [NOTICE.read(row) for row in rows]

        return self.store.read(query)

    def states(self) -> list[str]:
        return [f"{each.step} {each.state} {each.trouble}".strip() for each in self.notices()]

    def incidents(self) -> list[Incident]:
        def query(connection: object) -> list[Incident]:
            rows = connection.execute(INCIDENT.select().order_by(INCIDENT.table.c.number))  # type: ignore[attr-defined]
            return [INCIDENT.read(row) for row in rows]

        return self.store.read(query)


def local(clock: LoopClock) -> datetime:
    """The utility's clocks."""
    return clock.now().astimezone(CHILE)
