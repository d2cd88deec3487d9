"""A simulated meter at the end of a line in memory, and a head-end that brings it firmware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.device import Meter as Device
from devices.meter.firmware import image
from devices.meter.identity import MANAGEMENT_CLIENT
from devices.meter.image_transfer import ImageTransfer
from devices.meter.keyring import keys_of
from headend.app.images import ImageDesk, images
from headend.app.rekeying import KeyDesk, rekeying
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import Config, KeyStorage
from headend.domain.meter import Meter
from headend.domain.order import Order
from headend.field.direct.line import Line, LineLost
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from tests import databases
from tests.conftest import SIMULATED_START
from tests.direct.bench import MeterLine, meter

NAME = "4711"
CLIENT = next(each for each in STANDARD_CLIENTS if each.sap == MANAGEMENT_CLIENT)
ENVELOPE = bytes(range(64))
OLD, NEW = "ami-sim-1", "ami-sim-2"
IMAGE = image("SIM-3P", NEW)  # 4096 octets, 16 blocks
BROKE = LineLost("it broke", "pulled out", "try again")

T = TypeVar("T")


@dataclass(slots=True)
class Bench:
    """`trouble` is called with the number of each message from the head-end before the meter hears
    it: it may raise LineLost or cut the meter's power."""

    device: Device
    config: Config
    trouble: Callable[[int], None] = lambda number: None
    messages: int = 0
    blocks: int = 0  # image_block_transfer requests, told by their length
    desks: int = 0
    lines: list[MeterLine] = field(default_factory=list)
    others: dict[str, Device] = field(default_factory=dict)  # by the meter's name

    async def line_to(self, known: Meter) -> Line:
        device = self.others.get(known.name, self.device)
        self.lines.append(MeterLine(device, heard=self._heard))
        return self.lines[-1]

    def _heard(self, octets: bytes) -> bytes | None:
        self.messages += 1
        if len(octets) > 256:
            self.blocks += 1
        self.trouble(self.messages)
        return octets if self.device.powered else None

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[ImageDesk]:
        clock = LoopClock(SIMULATED_START)
        self.desks += 1
        chance = SeededChance(1, "desk", self.desks)
        async with images(self.config, clock=clock, chance=chance, live=False) as desk:
            yield desk

    @asynccontextmanager
    async def head_end(self) -> AsyncIterator[KeyDesk]:
        """Whoever takes the steps of orders."""
        self.desks += 1
        async with rekeying(
            self.config,
            served=False,
            dialling=self,
            clock=LoopClock(SIMULATED_START),
            chance=SeededChance(1, "steps", self.desks),
            live=False,
        ) as desk:
            yield desk

    async def ordered(self, octets: bytes = IMAGE, *, at: datetime | None = None) -> Order:
        """The image on the shelf, and an order for it."""
        async with self.desk() as desk:
            label = await desk.add(octets, model="sim-3p", version=NEW)
            return await desk.place(NAME, label.image, source="test", at=at)

    async def carried_out(self, number: int) -> Order:
        async with self.head_end() as desk:
            return await desk.carry_out(number)

    async def with_store(self, work: Callable[[SqlStore], Awaitable[T]]) -> T:
        store = SqlStore(self.config.database, live=False)
        try:
            return await work(store)
        finally:
            await store.close()

    @property
    def transfer(self) -> ImageTransfer:
        return self.device.part(ImageTransfer)

    @property
    def running(self) -> str:
        running = self.transfer.running
        return OLD if running is None else running.version


async def bench(tmp_path: Path, **registered: object) -> Bench:
    envelope = tmp_path / "envelope.key"
    envelope.write_text(ENVELOPE.hex())
    config = Config(
        database=databases.at(tmp_path / "ami.db"), keys=KeyStorage(envelope_file=envelope)
    )
    it = Bench(meter(), config)
    entry = {"model": "sim-3p", "address": "tcp://10.1.2.3", "commissioned": True, **registered}

    async def enter(store: SqlStore) -> None:
        await store.run(lambda tx: tx.put_meters([Meter(NAME, **entry)]))  # type: ignore[arg-type]
        vault = KeyVault(store, Envelope([ENVELOPE]))
        await vault.install(NAME, MANAGEMENT_CLIENT, keys_of(it.device, CLIENT))

    await it.with_store(enter)
    return it
