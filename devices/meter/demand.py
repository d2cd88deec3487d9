"""Demand: averages over rolling periods (class 5) and their maximum since the last billing reset.

Blue Book 4.3.4 and 4.3.3.  A period ends at a whole multiple of its length by the meter's clock;
the average is over the last `periods` of them.  Everything follows from the energy, so a demand
agrees with the profile's differences.  A maximum counts for the tariff in which its period began.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from devices.meter import tariff
from devices.meter.load import milliseconds
from devices.meter.parts import Passive
from devices.meter.schedule import Every, segments
from devices.meter.state import MeterState

KEPT = 64
"""Maxima of past billing periods that are kept once computed."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest average, in W or var, and when its period ended; 0 and None before any did."""

    value: int = 0
    at: float | None = None
    """By the world's time."""


NO_PEAKS = (Peak(),) * (tariff.TARIFFS + 1)


@dataclass(slots=True)
class Maxima(Passive):
    """Maxima already searched for: from (quantity, since) to until when, and what was found."""

    found: dict[tuple[str, float], tuple[float, tuple[Peak, ...]]] = field(default_factory=dict)


def period_end(meter: MeterState, world: float) -> float:
    """When the last whole period ended, by the meter's clock."""
    piece = meter.timeline.at(world)
    shift = 60 * piece.rules.utc_offset_min
    period_s = meter.type.demand_period_s
    return math.floor((piece.meter_time(world) + shift) / period_s) * period_s - shift


def current_average(meter: MeterState, quantity: str, world: float) -> int:
    """Of the whole periods that the window still holds and of the present one so far, spread over
    the whole window (Blue Book 4.3.4, current_average_value)."""
    length = meter.type.demand_period_s * meter.type.demand_periods
    begin = period_end(meter, world) - meter.type.demand_period_s * (meter.type.demand_periods - 1)
    return _counted(meter, quantity, begin, world) // (length * 1000)


def last_average(meter: MeterState, quantity: str, world: float) -> int:
    """Of the window that ended last."""
    end = period_end(meter, world)
    return _window(meter, quantity, end, meter.timeline.when(end, world))


def _window(meter: MeterState, quantity: str, end: float, end_world: float) -> int:
    length = meter.type.demand_period_s * meter.type.demand_periods
    return _counted(meter, quantity, end - length, end_world) // (length * 1000)


def _counted(meter: MeterState, quantity: str, begin: float, end_world: float) -> int:
    """An integral from a time of the meter's clock until a moment of the world."""
    begin_world = meter.timeline.when(begin, end_world)
    energy = meter.metering.energy(end_world) - meter.metering.energy(begin_world)
    counted: int = getattr(energy, quantity)
    return counted


def maxima(meter: MeterState, quantity: str, since: float, world: float) -> tuple[Peak, ...]:
    """The maximum of all tariffs together and of each, of the periods that ended after `since`."""
    memory = meter.part(Maxima)
    until, peaks = memory.found.get((quantity, since), (since, NO_PEAKS))
    if until > world:
        until, peaks = since, NO_PEAKS
    if until < world:
        peaks = _search(meter, quantity, until, world, peaks)
        memory.found[quantity, since] = world, peaks
        while len(memory.found) > KEPT:
            del memory.found[next(iter(memory.found))]
    return peaks


def _search(
    meter: MeterState, quantity: str, after: float, until: float, peaks: tuple[Peak, ...]
) -> tuple[Peak, ...]:
    best = list(peaks)
    period_s = meter.type.demand_period_s
    length_ms = 1000 * period_s * meter.type.demand_periods
    switches = list(tariff.periods(meter, after - period_s, until))
    starts = [start for start, _ in switches]
    read: dict[float, int] = {}

    def reading(world: float) -> int:
        if world not in read:
            read[world] = getattr(meter.metering.energy(world), quantity)
        return read[world]

    for end, world in _ends(meter, after, until):
        begin = meter.timeline.when(end - length_ms / 1000, world)
        average = (reading(world) - reading(begin)) // length_ms
        running = switches[max(bisect_right(starts, world - period_s) - 1, 0)][1]
        for place in (0, running):
            if average > best[place].value:
                best[place] = Peak(average, world)
    return tuple(best)


def _ends(meter: MeterState, after: float, until: float) -> Iterator[tuple[float, float]]:
    """The ends of periods after one moment and until another, by the meter's and world's time."""
    every = Every(meter.type.demand_period_s)
    for segment in segments(
        meter.timeline, every, after=after, until=until, most=milliseconds(until - after) + 1
    ):
        for end in segment.times:
            world = segment.stretch.world_time(end)
            if after < world <= until:
                yield end, world
