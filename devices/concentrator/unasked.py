"""What meters say unasked, from the meter's module to the head-end.

A module listens before it talks: it waits a short random while and until the line is free, so its
message takes turns with polling and with other modules.  It sends over the better of its ways, and
over the other one where that was not acknowledged.  On a line where the master polls, nobody may
speak unasked: there a message waits in its module until the master comes round (assumption).  A
module that has lost its supply meanwhile says nothing.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from devices.channel.course import Transfer
from devices.channel.transfer import transfer
from devices.concentrator.power_line import PowerLine
from devices.concentrator.turns import URGENT
from devices.network.ways import Leg, Way
from protocols.plc.frames import Direction

BACKOFF_MAX_S = 0.1
"""The longest random wait before a module looks whether the line is free (assumption)."""


def carried_up(
    line: PowerLine, leg: Leg, octets: bytes, backoff_s: float
) -> Generator[simpy.Event, Any, Transfer | None]:
    """Carry a message that a meter's module sends by itself; None where no way brought it."""
    yield line.env.timeout(backoff_s)
    first = leg.choose(line.env.now)
    for way in sorted(leg.ways, key=lambda way: way is not first):
        carried = yield from _over(line, leg, way, octets)
        if carried is not None and carried.received is not None:
            return carried
    return None


def _over(
    line: PowerLine, leg: Leg, way: Way, octets: bytes
) -> Generator[simpy.Event, Any, Transfer | None]:
    env = line.env
    if way.network.access.polled and way.route is not None:
        yield env.timeout(max(0.0, way.network.next_deadline() - env.now))
    with line.medium.request(priority=URGENT) as turn:
        yield turn
        yield from line.cleared()
        route = way.route
        if route is None or not way.link.module_on(env.now):
            return None
        carried = transfer(route, octets, way.rng, direction=Direction.UP, now=env.now)
        yield env.timeout(carried.total_s)
    line.noted(leg, way, carried)
    return carried
