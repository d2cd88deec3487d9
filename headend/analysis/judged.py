"""A feeder's window as it is told: each quantity's figures with their colour, None where nothing
can be said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headend.analysis.bands import COLOURS, Colour
from headend.analysis.figures import figures, percentile
from headend.analysis.quantity import PHASES, QUANTITIES, Quantity, Real
from headend.analysis.rollup import Rollup
from headend.config.analysis import AnalysisPolicy

P95 = tuple[float | None, ...]
"""Of each quantity, percent: what 95 % of the hours do not exceed."""


@dataclass(frozen=True, slots=True)
class QuantityFigure:
    """One quantity of a feeder in a window.  `percent` and `magnitude` (A, kW, kvar, V) are of the
    averages; `mean_of_hours` and `p95` of the hours one by one."""

    averages: tuple[float | None, ...]  # of phases A, B and C
    percent: float | None
    magnitude: float | None
    mean_of_hours: float | None
    p95: float | None
    coverage: float | None  # 0 to 1: values that were there
    hours: float | None  # 0 to 1: hours that count
    colour: Colour


@dataclass(frozen=True, slots=True)
class Judged:
    """Each quantity, kW and kvar of the three phases together, power factor, and kvar to reach the
    policy's."""

    quantities: Mapping[Quantity, QuantityFigure]
    power: tuple[float, float] | None
    power_factor: float | None
    capacitors_kvar: float | None

    def __getitem__(self, quantity: Quantity) -> QuantityFigure:
        return self.quantities[quantity]

    def whole(self, quantity: Quantity) -> float | None:
        """Of the feeder as a whole: the mean of its three currents, kW and kvar of all phases; None
        of its voltage."""
        if quantity is Quantity.CURRENT:
            known = [each for each in self[quantity].averages if each is not None]
            return sum(known) / len(PHASES) if len(known) == len(PHASES) else None
        return None if self.power is None else of_power(self.power, quantity)

    @property
    def least_coverage(self) -> float | None:
        """Of the quantity of which least came."""
        known = (each.coverage for each in self.quantities.values())
        return min((each for each in known if each is not None), default=None)


def judged(
    rollup: Rollup,
    policy: AnalysisPolicy,
    nominal_v: Sequence[float | None],
    p95: Sequence[P95 | None] | None = None,
) -> list[Judged]:
    """What each of some roll-ups (the first axis) says, of feeders with nominal voltages of their
    own; `p95` where it is known, which roll-ups do not tell."""
    found = figures(rollup, policy, nominal_v=nominal_v)
    averages, percent, magnitude, mean_of_hours, coverage, hours, codes, power, factors, kvar = (
        each.tolist()
        for each in (
            found.averages, found.percent, found.magnitude, found.mean_of_hours, found.coverage,
            found.hours, found.colours, found.power, found.power_factor, found.capacitors_kvar,
        )
    )  # fmt: skip
    made = []
    for row, factor in enumerate(factors):
        of_hours = None if p95 is None else p95[row]
        quantities = {
            quantity: QuantityFigure(
                tuple(map(_known, averages[row][place])),
                _known(percent[row][place]),
                _known(magnitude[row][place]),
                _known(mean_of_hours[row][place]),
                None if of_hours is None else of_hours[place],
                _known(coverage[row][place]),
                _known(hours[row][place]),
                COLOURS[codes[row][place]],
            )
            for place, quantity in enumerate(QUANTITIES)
        }
        kw, reactive = power[row]
        both = None if math.isnan(kw + reactive) else (kw, reactive)
        made.append(Judged(quantities, both, _known(factor), _known(kvar[row])))
    return made


def of_power(power: tuple[float, float], quantity: Quantity) -> float | None:
    """Of kW and kvar the one that a quantity is; None of others."""
    match quantity:
        case Quantity.ACTIVE_POWER:
            return power[0]
        case Quantity.REACTIVE_POWER:
            return power[1]
        case _:
            return None


def p95_of(percents: Real) -> P95:
    """Of the hours' unbalances (hours, quantities)."""
    return tuple(_known(each) for each in percentile(percents).tolist())


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
