"""What the field's meters push by themselves: from the meter through its module to a concentrator.

A push that names another transport than the meter's module cannot be carried here, and the meter
is told so; it tries again as its setup says.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import simpy

from devices.chance import octets
from devices.concentrator.unasked import BACKOFF_MAX_S, carried_up
from devices.meter.identity import SERVER_SAP
from devices.meter.push import BY_MODULE, Push
from protocols import wrapper

if TYPE_CHECKING:
    from devices.world import World


def send(world: World, meter: str) -> None:
    """Let everything leave that a meter wants carried now."""
    for pushed in world.meter(meter).collect_pushes(world.env.now):
        world.env.process(_leave(world, meter, pushed))


def _leave(world: World, name: str, pushed: Push) -> Generator[simpy.Event, Any, None]:
    meter, concentrator = world.meter(name), world.concentrator_of(name)
    powered = meter.powered
    carried = None
    if pushed.transport == BY_MODULE and concentrator.running:
        framed = wrapper.encode(SERVER_SAP, pushed.client, pushed.apdu)
        leg, wait_s = world.entry(name).leg, _backoff_s(world, name)
        carried = yield from carried_up(world.line_of(name), leg, framed, wait_s)
    else:
        yield world.env.timeout(0)
    heard = carried is not None and concentrator.running
    world.log(
        "push",
        meter=name,
        setup=str(pushed.setup),
        powered=powered,
        link=None if carried is None else carried.link,
        heard=heard,
    )
    if carried is not None and heard:
        concentrator.pushed(name, carried)
        return
    meter.push_failed(pushed, now=world.env.now)
    world.touched(name)


def _backoff_s(world: World, name: str) -> float:
    """Drawn by meter and moment: whoever else pushes does not matter."""
    drawn = octets(world.seed, "backoff", name, round(world.env.now * 1e6), count=4)
    return BACKOFF_MAX_S * int.from_bytes(drawn, "big") / (1 << 32)
