"""What operators ask of meters in a story besides reads, and hands at meters."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from devices.meter.disconnect import Trigger
from devices.world import World
from headend.access.desk import By
from headend.app.head_end import HeadEnd
from headend.domain.activity import ActivityKind
from headend.registry import activity_asking, tariff_file
from scenarios.schema import AskSpec, BadScenario, ClockSpec, TariffSpec, seconds

OPERATOR = "OPERADOR"


async def order(head_end: HeadEnd, spec: ClockSpec | TariffSpec, start: datetime) -> None:
    """Order what `ami meter clock` and `ami meter tariff` do."""
    if isinstance(spec, ClockSpec):
        await head_end.caring.clocks.place(spec.meter, source=OPERATOR)
        return
    calendar = tariff_file.parse(spec.calendar)
    if spec.activate is not None:
        at = start + timedelta(seconds=seconds(spec.activate))
        calendar = msgspec.structs.replace(calendar, activate_at=at)
    await head_end.caring.tariffs.place(spec.meter, calendar, source=OPERATOR)


async def ask(head_end: HeadEnd, spec: AskSpec) -> None:
    """Ask a concentrator as `ami concentrator ask` does.  Raises `BadScenario` where that would
    refuse it."""
    reads = head_end.ordering.reads
    wanted = activity_asking.AskWanted(
        spec.concentrator,
        ActivityKind(spec.kind),
        seconds(spec.deadline),
        spec.meters,
        spec.objects,
        round(seconds(spec.back)),
    )
    by, now = By(OPERATOR, "story"), reads.clock.now()
    try:
        await head_end.store.run(lambda tx: activity_asking.ask(tx, wanted, by, now, reads))
    except activity_asking.NotAsked as error:
        raise BadScenario(f"ask {spec.kind} of {spec.concentrator}: {error}") from error
    head_end.caring.activities.wake()


def press(world: World, meter: str) -> None:
    """The button that brings an armed supply back."""

    def pressed() -> None:
        world.meter(meter).press(Trigger.MANUAL_RECONNECT, now=world.env.now)
        world.touched(meter)

    world.enter(pressed)
