"""The usual ups and downs of meters in the field, as spans in which a meter cannot be reached.

Each meter alternates by itself: up for an exponential time, down for a log-normal one (median
15 min, 95th percentile 78 min), so that 5 % are down at any time; another 0.7 % stay silent for
months.  The shares and quantiles are our fault model, the 0.7 % are read (Linky, CRE 2021); that
times up are exponential is an assumption.

A meter's spans are a function of seed, meter and start: they are drawn one by one, each from a key
of its own, so nobody has to keep them.  A field that is first met is in equilibrium: the residual
time of an outage under way is a uniform part of one of length-biased duration.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import simpy

from devices.chance import octets
from devices.faults import course
from devices.meter_faults import Outage
from devices.span import Span
from devices.world import World

_NORMAL = NormalDist()
_ONE = 1 << 53


@dataclass(frozen=True, slots=True)
class Outages:
    """How meters come and go.  Times in seconds."""

    down: float = 0.05
    median_s: float = 15 * 60.0
    p95_s: float = 78 * 60.0
    silent: float = 0.007

    @property
    def sigma(self) -> float:
        """Of the logarithm of an outage's duration: 1.002 for the usual one."""
        return math.log(self.p95_s / self.median_s) / _NORMAL.inv_cdf(0.95)

    @property
    def mean_s(self) -> float:
        """Of an outage: 24.8 min for the usual one."""
        return self.median_s * math.exp(self.sigma**2 / 2)

    @property
    def mean_up_s(self) -> float:
        """Between two outages: 7.9 h for the usual one."""
        return self.mean_s * (1 - self.down) / self.down

    def silent_for_months(self, seed: int, meter: str) -> bool:
        """Whether a meter is one of those that nobody hears."""
        return _uniform(seed, meter, 0, "silent") < self.silent

    def spans(self, seed: int, meter: str, start: float) -> Iterator[Span]:
        """The outages of a meter from `start` (POSIX seconds) on, without end; whole seconds."""
        if self.silent_for_months(seed, meter):
            yield Span(start)
            return
        at = start
        if _uniform(seed, meter, 0, "down") < self.down:
            biased_s = self._duration_s(_uniform(seed, meter, 0, "biased"), self.sigma**2)
            residual_s = round(biased_s * _uniform(seed, meter, 0, "residual"))
            if residual_s > 0:
                yield Span(at, at + residual_s)
                at += residual_s
        number = 0
        while True:
            number += 1
            at += max(1, round(-math.log(_uniform(seed, meter, number, "up")) * self.mean_up_s))
            lasts_s = max(1, round(self._duration_s(_uniform(seed, meter, number, "lasts"))))
            yield Span(at, at + lasts_s)
            at += lasts_s

    def _duration_s(self, uniform: float, shift: float = 0.0) -> float:
        return self.median_s * math.exp(shift + self.sigma * _NORMAL.inv_cdf(uniform))


USUAL = Outages()
"""As in the facts of service levels: our fault model."""


def run(world: World, meters: Iterable[str], outages: Outages = USUAL) -> None:
    """Have these meters come and go from now on."""
    for meter in meters:
        world.env.process(_alternate(world, meter, outages))


def _alternate(world: World, meter: str, outages: Outages) -> Generator[simpy.Event, Any, None]:
    for span in outages.spans(world.seed, meter, world.env.now):
        yield from course(world, Outage(meter, span))


def _uniform(seed: int, meter: str, number: int, what: str) -> float:
    """A draw inside (0, 1), which a logarithm and a quantile can take."""
    drawn = int.from_bytes(octets(seed, "outage", meter, number, what, count=7), "big") >> 3
    return (drawn + 0.5) / _ONE
