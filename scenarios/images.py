"""Meters' firmware in a story: the image that a campaign brings, as an operator puts it on the
shelf."""

from __future__ import annotations

import hashlib

from devices.meter.firmware import image
from devices.meter.image_transfer import ImageTransfer
from headend.app.head_end import HeadEnd
from headend.domain.meter_image import MeterImage
from headend.models import Shelf
from scenarios.field import SIMULATED
from scenarios.schema import ImageSpec
from scenarios.story import Story


async def put_on_the_shelf(head_end: HeadEnd, spec: ImageSpec, who: str) -> str:
    """The image's SHA-256."""
    octets = image(spec.hardware, spec.version, spec.octets)
    name = hashlib.sha256(octets).hexdigest()
    label = MeterImage(
        image=name,
        model=SIMULATED,
        version=spec.version,
        version_object=Shelf().get(SIMULATED).objects["firmware"].name,
        identifier=spec.version,
        size=len(octets),
        added_at=head_end.guard.clock.now(),
        added_by=who,
        octets=octets,
    )
    await head_end.store.run(lambda tx: tx.put_image(label))
    return name


def running(story: Story, meter: str) -> str:
    """The version that a meter runs at the end."""
    device = story.world.meter(meter)
    activated = device.part(ImageTransfer).running
    return device.type.firmware if activated is None else activated.version
