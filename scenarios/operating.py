"""What only a command does at the head-end: links, commissioning, concentrators' firmware.

The steps are taken as `ami meter link`, `ami meter commission`, `ami firmware install` and
`ami concentrator firmware` take them, by the same parts of the head-end, on the story's clock.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from devices.meter.firmware import image
from devices.world import World
from headend.app.head_end import HeadEnd
from headend.app.images import ImageDesk
from headend.domain.firmware import FirmwareUpdate
from headend.domain.order import Order
from headend.orders.rules import COMMISSIONING
from headend.ports import Chance, Clock, Transaction
from headend.registry import asked_by_order, lives
from headend.registry.commissioning import Examination, conclude
from headend.registry.lives import By
from scenarios.commands import OPERATOR
from scenarios.schema import OperateSpec
from scenarios.stand_ins.said import Said

WAIT_S = 300.0  # for the read that commissioning asks for
LOOK_EVERY_S = 1.0
IMAGE_OCTETS = 4096  # of a simulated concentrator's firmware; its content is invented


@dataclass(frozen=True, slots=True)
class Operating:
    """An operator at a head-end that runs.  What was done goes to the `journal`."""

    head_end: HeadEnd
    world: World
    clock: Clock
    chance: Chance
    journal: list[Said]

    async def do(self, spec: OperateSpec) -> None:
        """Carry one command out to its end."""
        rest = spec.concentrator or spec.version or ""
        self._said("asked", self._command(spec), f"{spec.target} {rest}".rstrip(), spec.target)
        match spec.do:
            case "link":
                told = await self._link(spec)
            case "commission":
                told = await self._commission(spec.target)
            case "firmware" if spec.target in self.world.concentrators:
                told = await self._firmware(spec)
            case "firmware":
                told = await self._meter_firmware(spec)
        self._said("answered", spec.do, told, spec.target)

    def _command(self, spec: OperateSpec) -> str:
        """The command that does it."""
        if spec.do != "firmware":
            return f"ami meter {spec.do}"
        of_concentrator = spec.target in self.world.concentrators
        return "ami concentrator firmware" if of_concentrator else "ami firmware install"

    def _said(self, way: Literal["asked", "answered"], what: str, detail: str, name: str) -> None:
        self.journal.append(Said(self.clock.now(), way, "command", what, detail, device=name))

    async def _link(self, spec: OperateSpec) -> str:
        assert spec.concentrator is not None
        by, behind = By(OPERATOR, self.clock.now()), spec.concentrator
        meter = await self.head_end.store.run(lambda tx: lives.link(tx, spec.target, behind, by))
        return f"{meter.stage}"

    async def _commission(self, name: str) -> str:
        """Have the meter read in the lane of its orders, and look at what it says."""
        store, clock = self.head_end.store, self.clock
        meter = await store.run(lambda tx: lives.known(tx, name))
        examined = Examination(meter, By(OPERATOR, clock.now()), clock)
        deadline = clock.now() + timedelta(seconds=WAIT_S)
        words = asked_by_order.WORDS
        order = await self.head_end.reads.place(
            name, words, source=COMMISSIONING, deadline=deadline
        )
        look = _order(order.number)
        while not order.final and clock.now() < deadline:
            await asyncio.sleep(LOOK_EVERY_S)
            order = await store.run(look)
        asked_by_order.examine(examined, order)
        after = await store.run(lambda tx: conclude(tx, examined))
        checks = len(examined.checks)
        held = sum(check.verdict.value != "failed" for check in examined.checks)
        return f"{after.stage}: {held}/{checks}"

    async def _firmware(self, spec: OperateSpec) -> str:
        version, now = spec.version or "2", self.clock.now()
        octets = hashlib.shake_128(version.encode()).digest(IMAGE_OCTETS)
        digest = hashlib.sha256(octets).hexdigest()
        update = FirmwareUpdate(spec.target, digest, version, now, now, octets)
        await self.head_end.store.run(lambda tx: tx.put_update(update))
        return f"{digest[:8]}, {len(octets)} B"

    async def _meter_firmware(self, spec: OperateSpec) -> str:
        """Put an image on the shelf and order it for the meter; its hardware takes it."""
        head_end, version = self.head_end, spec.version or "2"
        octets = image(self.world.meter(spec.target).type.hardware, version, IMAGE_OCTETS)
        known = await head_end.store.run(lambda tx: lives.known(tx, spec.target))
        desk = ImageDesk(
            head_end.store, self.clock, self.chance, head_end.shelf, head_end.reads.acceptance
        )
        label = await desk.add(octets, model=known.model, version=version)
        order = await desk.place(spec.target, label.image, source=OPERATOR)
        return f"order {order.number} {order.state}"


def _order(number: int) -> Callable[[Transaction], Order]:
    def work(tx: Transaction) -> Order:
        found = tx.order(number)
        assert found is not None, "orders stay"
        return found

    return work
