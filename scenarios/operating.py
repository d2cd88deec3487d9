"""What only a command does at the head-end: firmware for a meter or a concentrator.

The steps are taken as `ami firmware install` and `ami concentrator firmware` take them, by the same
parts of the head-end, on the story's clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from devices.meter.firmware import image
from devices.world import World
from headend.app.head_end import HeadEnd
from headend.app.images import ImageDesk
from headend.domain.firmware import FirmwareUpdate
from headend.ports import Chance, Clock
from headend.registry import lives
from scenarios.commands import OPERATOR
from scenarios.schema import OperateSpec
from scenarios.stand_ins.said import Said

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
        of_concentrator = spec.target in self.world.concentrators
        command = "ami concentrator firmware" if of_concentrator else "ami firmware install"
        self._said("asked", command, f"{spec.target} {spec.version}", spec.target)
        told = await (self._firmware(spec) if of_concentrator else self._meter_firmware(spec))
        self._said("answered", spec.do, told, spec.target)

    def _said(self, way: Literal["asked", "answered"], what: str, detail: str, name: str) -> None:
        self.journal.append(Said(self.clock.now(), way, "command", what, detail, device=name))

    async def _firmware(self, spec: OperateSpec) -> str:
        version, now = spec.version, self.clock.now()
        octets = hashlib.shake_128(version.encode()).digest(IMAGE_OCTETS)
        digest = hashlib.sha256(octets).hexdigest()
        update = FirmwareUpdate(spec.target, digest, version, now, now, octets)
        await self.head_end.store.run(lambda tx: tx.put_update(update))
        return f"{digest[:8]}, {len(octets)} B"

    async def _meter_firmware(self, spec: OperateSpec) -> str:
        """Put an image on the shelf and order it for the meter; its hardware takes it."""
        head_end, version = self.head_end, spec.version
        octets = image(self.world.meter(spec.target).type.hardware, version, IMAGE_OCTETS)
        known = await head_end.store.run(lambda tx: lives.known(tx, spec.target))
        shelf, acceptance = head_end.ground.shelf, head_end.ordering.reads.acceptance
        desk = ImageDesk(head_end.store, self.clock, self.chance, shelf, acceptance)
        label = await desk.add(octets, model=known.model, version=version)
        order = await desk.place(spec.target, label.image, source=OPERATOR)
        return f"order {order.number} {order.state}"
