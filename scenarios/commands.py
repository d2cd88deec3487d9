"""What operators ask of meters in a story besides reads, and hands at meters."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from devices.meter.disconnect import Trigger
from devices.world import World
from headend.app.head_end import HeadEnd
from headend.registry import tariff_file
from scenarios.schema import ClockSpec, TariffSpec, seconds

OPERATOR = "OPERADOR"


async def order(head_end: HeadEnd, spec: ClockSpec | TariffSpec, start: datetime) -> None:
    """Order what `ami meter clock` and `ami meter tariff` do."""
    if isinstance(spec, ClockSpec):
        await head_end.clocks.place(spec.meter, source=OPERATOR)
        return
    calendar = tariff_file.parse(spec.calendar)
    if spec.activate is not None:
        at = start + timedelta(seconds=seconds(spec.activate))
        calendar = msgspec.structs.replace(calendar, activate_at=at)
    await head_end.tariffs.place(spec.meter, calendar, source=OPERATOR)


def press(world: World, meter: str) -> None:
    """The button that brings an armed supply back."""

    def pressed() -> None:
        world.meter(meter).press(Trigger.MANUAL_RECONNECT, now=world.env.now)
        world.touched(meter)

    world.enter(pressed)
