"""A day: a head-end with a database, a device with a kit, meters, on the simulated clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from devices.meter.device import Meter as Device
from devices.meter.identity import PROBE_CLIENT
from headend.app.jobs import Exported, Imported, JobDesk, Wanted, job_desk
from headend.app.visits import JobKit, OpenJob, Visit, job_kit
from headend.chance import SeededChance
from headend.config import Config
from headend.domain.job import Authorisation, Conflict
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Kind, Order
from headend.ports import Transaction
from headend.store import queries
from headend.store.envelope import VARIABLE
from protocols.commercial import messages as commercial
from protocols.dlms.keys import Keys
from protocols.jobs.cards import encode_card
from tests import databases
from tests.conftest import SIMULATED_START
from tests.direct.bench import MeterLine
from tests.direct.bench import meter as simulated
from tests.store import making

PASSPHRASE = "correct horse"
LAPTOP = "laptop-7"
BEGINS = SIMULATED_START + timedelta(hours=12)  # the same in the office and in the field


@dataclass(slots=True)
class Clocks:
    """The time of day; `off` is what somebody did to the device's clock."""

    off: timedelta = timedelta(0)
    base: datetime = BEGINS

    def now(self) -> datetime:
        return self.base + timedelta(seconds=asyncio.get_running_loop().time()) + self.off


@dataclass(slots=True)
class Day:
    """See the module.  `kit` and `desk` are built anew by `restart_*`, as after a crash."""

    folder: Path
    office_clock: Clocks
    field_clock: Clocks
    desk: JobDesk
    kit: JobKit
    meters: dict[str, Device]
    numbers: int = 0
    starts: int = 0
    heard: list[bytes] = field(default_factory=list)

    # --- the office ---

    async def order(self, kind: Kind = Kind.SET_LIMIT, meter: str = "", **changes: Any) -> int:
        """A waiting order; its number."""

        def work(tx: Transaction) -> int:
            number = tx.next_order_number()
            at = self.office_clock.now()
            about = {
                "meter": meter or next(iter(self.meters)),
                "kind": kind,
                "accepted_at": at,
                "ready_at": at,
                "not_before": at,
                "deadline": at + timedelta(hours=6),
                **changes,
            }
            tx.add_order(making.order(number, **about), making.STORY)
            return number

        return await self.desk.store.run(work)

    async def export(self, *orders: int, **changes: Any) -> Exported:
        about: dict[str, Any] = {
            "device": LAPTOP,
            "valid": timedelta(hours=12),
            "authorisation": Authorisation.READ_AND_WRITE,
            "meters": () if orders else tuple(self.meters),
            "orders": orders,
            **changes,
        }
        return await self.desk.export.make(Wanted(**about))

    async def hand_in(self, octets: bytes) -> Imported:
        return await self.desk.reconciliation.take_in(octets)

    async def tell(self, number: int) -> Order:
        order = await self.desk.store.run(lambda tx: tx.order(number))
        assert order is not None
        return order

    async def change(self, number: int, work: Callable[[Transaction, Order], object]) -> None:
        """Something happens to an order in the office."""

        def run(tx: Transaction) -> None:
            order = tx.order(number)
            assert order is not None
            work(tx, order)

        await self.desk.store.run(run)

    async def conflicts(self, job: str) -> list[Conflict]:
        return await self.desk.store.run(lambda tx: tx.conflicts(job))

    def told(self, number: int) -> list[commercial.ResultMessage]:
        """What the commercial side is owed on its queue."""
        outgoing = self.desk.store.read(lambda c: queries.outgoing_of(c, number))
        return [commercial.decode_result(o.body) for o in outgoing if o.channel == "queue"]

    def journal(self, number: int) -> list[str]:
        lines = self.desk.store.read(lambda c: queries.journal(c, number))
        return [line.cause for line in lines]

    # --- the field ---

    def line(self, meter: str = "", **faults: Any) -> Callable[[], MeterLine]:
        device = self.meters[meter or next(iter(self.meters))]

        def made() -> MeterLine:
            line = MeterLine(device, **faults)
            line.written = self.heard
            return line

        return made

    async def visit(self, job: OpenJob, meter: str = "", **more: Any) -> Visit:
        faults = more.pop("faults", {})
        return await job.visit(self.line(meter, **faults), **more)

    async def restart_desk(self) -> JobDesk:
        """The office's process ends and another begins."""
        self.starts += 1
        await self.desk.close()
        chance = SeededChance(1, self.starts)
        self.desk = await job_desk(
            config(self.folder), clock=self.office_clock, chance=chance, live=False
        )
        return self.desk

    def restart_kit(self) -> JobKit:
        """The laptop is started again: all that it knows is on disk."""
        self.starts += 1
        self.kit = job_kit(
            PASSPHRASE,
            self.folder / "kit",
            clock=self.field_clock,
            chance=SeededChance(2, self.starts),
        )
        return self.kit


async def keys_in_the_office(desk: JobDesk, device: Device, next_counter: int | None = 1) -> None:
    """What the meter shares with a job's client, as it was delivered with."""
    identity = device.identity
    delivered = identity.keys(PROBE_CLIENT)
    keys = Keys(
        delivered.encryption,
        delivered.authentication,
        master=identity.master_key(PROBE_CLIENT),
    )
    await desk.install_keys(identity.number, keys, next_counter)


def config(folder: Path) -> Config:
    return Config(database=databases.at(folder / "ami.db"))


@asynccontextmanager
async def begun(
    folder: Path, monkeypatch: Any, *, meters: int = 1, next_counter: int | None = 1
) -> AsyncIterator[Day]:
    """Meters registered, keys known, a device enrolled both ways."""
    from headend.store.kit import keyring
    from protocols.jobs import sealing

    monkeypatch.setattr(keyring, "SCRYPT_N", 1 << 4)
    monkeypatch.setattr(sealing, "SCRYPT_N", 1 << 4)
    monkeypatch.setenv(VARIABLE, bytes(range(64)).hex())
    office, outside = Clocks(), Clocks()
    devices = {
        each.identity.number: each for each in (simulated(index=i) for i in range(4, 4 + meters))
    }
    desk = await job_desk(config(folder), clock=office, chance=SeededChance(1), live=False)
    registered = [
        Meter(name, "C1", commissioned=True, model="sim-3p", address="tcp://127.0.0.1:4059")
        for name in devices
    ]
    await desk.store.run(lambda tx: tx.put_concentrators([Concentrator("C1")]))
    await desk.store.run(lambda tx: tx.put_meters(registered))
    for device in devices.values():
        await keys_in_the_office(desk, device, next_counter)
    kit = job_kit(PASSPHRASE, folder / "kit", clock=outside, chance=SeededChance(2))
    await desk.enrolment.enrol(LAPTOP, encode_card(kit.keys.card))
    kit.believe(desk.card)
    day = Day(folder, office, outside, desk, kit, devices)
    try:
        yield day
    finally:
        await day.desk.close()


async def wait(hours: float) -> None:
    await asyncio.sleep(hours * 3600)


__all__ = ["BEGINS", "LAPTOP", "PASSPHRASE", "UTC", "Day", "begun", "config", "wait"]
