"""Mobile coverage that comes and goes: each site by itself, and all sites of a cell together.

A site alternates: up for an exponential time, down for a while.  Good sites fail every two days for
half a minute, poor ones, a fifth of them, twice a day for ten to twenty minutes; now and then a
whole cell is dark.  While it is, the modems there find no network and try again by themselves, see
`devices.modem`.

A site's spans are a function of seed, name and start, drawn from a stream of its own; so are those
of a cell, which its concentrators share.  Numbers and what they rest on: docs/models.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import simpy

from devices.chance import stream
from devices.faults import ModemFails, course
from devices.span import Span
from devices.world import World

HOUR_S = 3600.0
POOR_SHARE = 0.2
POOR_REPAIR_S = (600.0, 1200.0)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often a kind of place loses the network, and for how long (log-normal)."""

    between_s: float  # mean time from one repair to the next failure
    median_s: float
    sigma: float  # of the logarithm


GOOD = Coverage(48 * HOUR_S, 30.0, 0.8)
POOR = Coverage(12 * HOUR_S, 0.0, 0.0)  # repairs are even between ten and twenty minutes
CELL = Coverage(30 * 24 * HOUR_S, 20 * 60.0, 1.0)


def is_poor(seed: int, concentrator: str) -> bool:
    """Whether a concentrator stands where coverage is poor."""
    return stream(seed, "cellular", concentrator, "kind").random() < POOR_SHARE


def site_outages(seed: int, concentrator: str, start: float) -> Iterator[Span]:
    """When a concentrator's own site is without network, from `start` (POSIX seconds) on."""
    rng = stream(seed, "cellular", concentrator)
    if is_poor(seed, concentrator):
        return _spans(rng, start, POOR.between_s, lambda: rng.uniform(*POOR_REPAIR_S))
    return _spans(rng, start, GOOD.between_s, lambda: _log_normal(rng, GOOD))


def cell_outages(seed: int, cell: str, start: float) -> Iterator[Span]:
    """When a whole cell is dark."""
    rng = stream(seed, "cell", cell)
    return _spans(rng, start, CELL.between_s, lambda: _log_normal(rng, CELL))


def run(world: World, cells: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Have the network come and go from now on: for each concentrator of each cell, and for the
    cells."""
    now = world.env.now
    for cell, concentrators in cells:
        for concentrator in concentrators:
            for spans in (
                site_outages(world.seed, concentrator, now),
                cell_outages(world.seed, cell, now),
            ):
                world.env.process(_alternate(world, concentrator, spans))


def _alternate(
    world: World, concentrator: str, spans: Iterator[Span]
) -> Generator[simpy.Event, Any, None]:
    for span in spans:
        yield from course(world, ModemFails(concentrator, span, "no network"))


def _spans(
    rng: Random, start: float, between_s: float, repair_s: Callable[[], float]
) -> Iterator[Span]:
    """Spans without end, in whole seconds: rounding hides the last bits of `log` and `exp`."""
    at = start
    while True:
        at += max(1, round(rng.expovariate(1.0 / between_s)))
        lasts_s = max(1, round(repair_s()))
        yield Span(at, at + lasts_s)
        at += lasts_s


def _log_normal(rng: Random, coverage: Coverage) -> float:
    return rng.lognormvariate(math.log(coverage.median_s), coverage.sigma)
