"""The division's field, live: a process with each concentrator's session at the head-end's
broker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from devices import faults, outages
from devices.field_spec import FieldSpec
from devices.world import World
from headend.app.sessions import Address
from scenarios.division.process import Say
from scenarios.division.troubles import troubles_of
from scenarios.live import LiveField, live_devices
from scenarios.utility.field import field_of
from scenarios.utility.model import Utility

RADIO = "868-50k"
"""Beside the power line: a street that goes dark has more to say than that can carry."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A division, and where its head-end's broker is."""

    utility: Utility
    host: str
    port: int


def spec_of(utility: Utility) -> FieldSpec:
    """As the systems measure it, with radio besides."""
    spec = field_of(utility)
    return replace(spec, transformers=tuple(replace(it, radio=RADIO) for it in spec.transformers))


async def run(asked: Asked, say: Say, stop: asyncio.Event) -> None:
    """Say how many concentrators have a session whenever that changes; until the event is set."""
    utility = asked.utility

    def happen(world: World, start: float) -> None:
        troubles = troubles_of(utility)
        faults.run(world, troubles.faults(start))
        told = {*troubles.dark, *troubles.unreachable, *troubles.mute}
        outages.run(world, [name for name in world.meter_names if name not in told])

    async with live_devices(
        spec_of(utility), utility.seed, Address(asked.host, asked.port), happen
    ) as field:
        watching = asyncio.create_task(_watch(field, say))
        stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({stopping, field.failed}, return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                field.failed.result()
        finally:
            watching.cancel()
            stopping.cancel()
            await asyncio.gather(watching, stopping, return_exceptions=True)


async def _watch(field: LiveField, say: Say) -> None:
    before = -1
    while True:
        count = sum(each.online.has_session for each in field.world.concentrators.values())
        if count != before:
            say(count)
            before = count
        await asyncio.sleep(0.5)
