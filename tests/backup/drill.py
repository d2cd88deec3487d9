"""A head-end and meters that it reaches by itself, on the simulated clock, through several lives.

What a life leaves is its databases and its backups; the meters go on by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.device import Meter as Device
from devices.meter.identity import MANAGEMENT_CLIENT
from devices.meter.keyring import keys_of
from headend.access.desk import By
from headend.app.backups import create, place_of
from headend.app.calendar import working_days
from headend.app.head_end import HeadEnd, build
from headend.app.restoring import Restored, restore
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import BackupPolicy, Config, KeyStorage, OrderPolicy
from headend.domain.meter import Meter
from headend.domain.order import Attempt, Kind, Order, State
from headend.domain.restoration import ATTEMPTS
from headend.field.bus import Bus, BusClient
from headend.field.direct.line import Line, LineUnavailable
from headend.orders.accept import Acceptance, Accepted, Submission, Wish
from headend.orders.inbox import Inbox, Received, Repeated, Taken
from headend.ports import Transaction
from headend.store.store import SqlStore
from tests import databases
from tests.conftest import SIMULATED_START
from tests.direct.bench import MeterLine, meter

CLIENT = next(each for each in STANDARD_CLIENTS if each.sap == MANAGEMENT_CLIENT)
NAMES = ("M1", "M2", "M3", "M4", "M5", "M6")
DAY = timedelta(days=1)


class NobodyCalls:
    """No commercial system has a door of its own."""

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        raise AssertionError(address)


@dataclass(slots=True)
class Drill:
    """The utility: meters, a place for backups, and the database of the life at hand."""

    folder: Path
    config: Config
    clock: LoopClock
    devices: dict[str, Device]
    away: set[str] = field(default_factory=set)  # meters that nobody reaches
    starts: int = 0
    messages: int = 0
    lines: dict[str, int] = field(default_factory=dict)

    async def line_to(self, known: Meter) -> Line:
        """Implements `performing.Dialling`."""
        if known.name in self.away:
            raise LineUnavailable("no route", "the cable is out", "plug it in")
        self.lines[known.name] = self.lines.get(known.name, 0) + 1
        return MeterLine(self.devices[known.name])

    @asynccontextmanager
    async def life(self) -> AsyncIterator[HeadEnd]:
        """A head-end that serves, until it is gone without a word."""
        self.starts += 1
        client = BusClient(Bus(), f"head-end-{self.starts}")
        head_end = build(
            self.config,
            clock=self.clock,
            chance=SeededChance(1, "head-end", self.starts),
            broker=client,
            callback=NobodyCalls(),
            dialling=self,
            store=SqlStore(self.config.database, live=False),
            live=False,
        )
        await head_end.listen()
        await client.connect()
        work = asyncio.ensure_future(head_end.run())
        try:
            yield head_end
            assert not work.done() and not head_end.errors, head_end.errors
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await head_end.close()

    async def send(
        self,
        head_end: HeadEnd,
        name: str,
        kind: Kind,
        id_: str,
        amount: int | None = None,
        *,
        deadline: datetime | None = None,
    ) -> int | None:
        """The commercial system's message; the order's number, None where it was a repeat."""
        policy = self.config.orders
        acceptance = Acceptance(
            policy, working_days(policy), head_end.ordering.settling, head_end.ordering.lanes.wake
        )
        inbox = Inbox(head_end.store, self.clock, SeededChance(1, "inbox", self.starts, id_))
        watts = None if amount is None else Decimal(amount)
        wish = Wish(name, kind, watts, None if amount is None else "W")
        submission = Submission("CIS", (wish,), message_id=id_, any_day=True, deadline=deadline)
        now = self.clock.now()

        def effect(tx: Transaction, transaction_id: str) -> tuple[Accepted, bytes]:
            return acceptance.accept(tx, submission, transaction_id, at=now), b"0.3"

        taken = await inbox.take(Received("CIS", id_, "d", b"<order/>"), effect)
        if isinstance(taken, Repeated):
            return None
        assert isinstance(taken, Taken)
        acceptance.announce(taken.effect)
        return taken.effect.orders[0].number

    async def order(self, head_end: HeadEnd, number: int) -> Order:
        found = await head_end.store.run(lambda tx: tx.order(number))
        assert found is not None
        return found

    async def commands(self, head_end: HeadEnd, number: int) -> list[Attempt]:
        """Attempts of the life after a restoration that may have acted, and no looks."""
        made = await head_end.store.run(lambda tx: tx.attempts(number))
        return [each for each in made if not each.verification and each.number > ATTEMPTS]

    async def ended(self, head_end: HeadEnd, *numbers: int) -> list[Order]:
        """These orders, once they are final."""
        async with asyncio.timeout(24 * 3600):
            while True:
                orders = [await self.order(head_end, number) for number in numbers]
                if all(order.final for order in orders):
                    return orders
                await asyncio.sleep(10)

    async def done(self, head_end: HeadEnd, *numbers: int) -> None:
        for order in await self.ended(head_end, *numbers):
            assert order.state is State.DONE, order

    def backup(self) -> str:
        chance = SeededChance(1, "backup", self.starts)
        return create(self.config, clock=self.clock, chance=chance).manifest.name

    def lose_everything(self) -> None:
        """The disk is gone: what comes next has another."""
        self.config = msgspec.structs.replace(
            self.config,
            database=databases.at(self.folder / f"ami-{self.starts}.db"),
            legacy_database=databases.at(self.folder / f"legacy-{self.starts}.db"),
        )

    def restore(self, name: str) -> Restored:
        return restore(
            self.config,
            place_of(self.config),
            name,
            None,
            clock=self.clock,
            who=lambda tx: By("os:ana", "command"),
        )

    async def agreed(self, head_end: HeadEnd, name: str) -> bool:
        """Whether meter and head-end have the same keys."""
        assert head_end.ground.vault is not None
        known = await head_end.ground.vault.keys(name, MANAGEMENT_CLIENT)
        assert known is not None
        return known.pending is None and known.current.keys == keys_of(self.devices[name], CLIENT)


async def drill(tmp_path: Path, **backup: object) -> Drill:
    """Six meters with keys, registered."""
    place, envelope = tmp_path / "place", tmp_path / "envelope.key"
    place.mkdir()
    envelope.write_text(bytes(range(64)).hex())
    config = Config(
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=databases.at(tmp_path / "legacy.db"),
        keys=KeyStorage(envelope_file=envelope),
        orders=OrderPolicy(deadline_s=3 * 86_400.0, zone="UTC", tries_max=200),
        backup=BackupPolicy(place=place, **backup),  # type: ignore[arg-type]
    )
    devices = {name: meter(index=number) for number, name in enumerate(NAMES, start=4)}
    it = Drill(tmp_path, config, LoopClock(SIMULATED_START), devices)
    async with it.life() as head_end:
        await head_end.register(
            [],
            [
                Meter(name, commissioned=True, model="sim-3p", address=f"tcp://10.1.2.{number}")
                for number, name in enumerate(NAMES, start=1)
            ],
        )
        assert head_end.ground.vault is not None
        for name, device in devices.items():
            await head_end.ground.vault.install(name, MANAGEMENT_CLIENT, keys_of(device, CLIENT))
    return it
