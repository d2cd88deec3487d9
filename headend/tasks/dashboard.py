"""What the dynamic dashboard shows, of feeders' roll-ups: figures, counts by colour, what changed.

Works over rows that queries found (`headend.store.feeder_queries`); formulas and bands are those of
`headend.analysis`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from headend.analysis.bands import COLOURS, Colour, counted
from headend.analysis.figures import Figures, figures
from headend.analysis.quantity import QUANTITIES, Quantity
from headend.analysis.rollup import Rollup
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import FeederRoll, FeederSums

_ORDER: Final = {colour: place for place, colour in enumerate((Colour.GREEN, Colour.YELLOW,
    Colour.RED))}  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuantityFigure:
    """One quantity of a feeder in a span.  `percent` and `magnitude` (A, kW, kvar, V) are of the
    averages; `mean_of_hours` and `p95` of the hours one by one; None where not defined."""

    averages: tuple[float | None, ...]  # of phases A, B and C
    percent: float | None
    magnitude: float | None
    mean_of_hours: float | None
    p95: float | None
    coverage: float | None  # 0 to 1: values that were there
    hours: float | None  # 0 to 1: hours that count
    colour: Colour


@dataclass(frozen=True, slots=True)
class FeederFigures:
    """A feeder in a span: each quantity, power factor, and kvar to reach the policy's."""

    feeder: str
    day: date
    quantities: Mapping[Quantity, QuantityFigure]
    power_factor: float | None
    capacitors_kvar: float | None


def told(
    rolls: Sequence[FeederRoll],
    policy: AnalysisPolicy,
    nominal: Mapping[str, float | None] | None = None,
) -> list[FeederFigures]:
    """What each roll says, in their order; `nominal` has volts between phases by feeder."""
    found: dict[int, FeederFigures] = {}
    for places, whole in _by_level(rolls, policy, nominal):
        averages, percent, magnitude, mean_of_hours, coverage, hours = (
            each.tolist()
            for each in (
                whole.averages, whole.percent, whole.magnitude, whole.mean_of_hours,
                whole.coverage, whole.hours,
            )
        )  # fmt: skip
        colours = whole.colours.tolist()
        factors, missing = whole.power_factor.tolist(), whole.capacitors_kvar.tolist()
        for row, place in enumerate(places):
            roll = rolls[place]
            quantities = {
                quantity: QuantityFigure(
                    tuple(map(_known, averages[row][column])),
                    _known(percent[row][column]),
                    _known(magnitude[row][column]),
                    _known(mean_of_hours[row][column]),
                    roll.p95[column],
                    _known(coverage[row][column]),
                    _known(hours[row][column]),
                    COLOURS[colours[row][column]],
                )
                for column, quantity in enumerate(QUANTITIES)
            }
            found[place] = FeederFigures(
                roll.feeder, roll.day, quantities, _known(factors[row]), _known(missing[row])
            )
    return [found[place] for place in range(len(rolls))]


def trend_counts(
    rolls: Sequence[FeederRoll | FeederSums],
    policy: AnalysisPolicy,
    nominal: Mapping[str, float | None] | None = None,
) -> dict[date, dict[Quantity, dict[Colour, int]]]:
    """How many feeders were of which colour, by the day that the rolls end with."""
    codes: dict[date, list[list[int]]] = {each.day: [] for each in rolls}
    for places, whole in _by_level(rolls, policy, nominal):
        for row, place in zip(whole.colours.tolist(), places, strict=True):
            codes[rolls[place].day].append(row)
    return {day: counted(rows) for day, rows in sorted(codes.items())}


def _by_level(
    rolls: Sequence[FeederRoll | FeederSums],
    policy: AnalysisPolicy,
    nominal: Mapping[str, float | None] | None,
) -> Iterator[tuple[list[int], Figures]]:
    """Places of rolls, and what these say: at once for all feeders of a nominal voltage, as bands
    differ by it."""
    by_level: dict[float | None, list[int]] = defaultdict(list)
    for place, each in enumerate(rolls):
        by_level[(nominal or {}).get(each.feeder)].append(place)
    for level, places in by_level.items():
        rows = np.array([rolls[place].rollup for place in places], dtype=np.int64)
        yield places, figures(Rollup.of_flat(rows), policy, nominal_v=level)


def counts(told: Iterable[FeederFigures]) -> dict[Quantity, dict[Colour, int]]:
    """How many feeders are of which colour."""
    found = {quantity: dict.fromkeys(COLOURS, 0) for quantity in QUANTITIES}
    for each in told:
        for quantity, figure in each.quantities.items():
            found[quantity][figure.colour] += 1
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """A feeder whose colour is another than before; `worse` where both were judged."""

    feeder: str
    quantity: Quantity
    before: Colour
    now: Colour
    percent_before: float | None
    percent_now: float | None

    @property
    def worse(self) -> bool | None:
        """Whether it got worse; None where one of the two was not judged."""
        if self.before not in _ORDER or self.now not in _ORDER:
            return None
        return _ORDER[self.now] > _ORDER[self.before]


def changes(before: Iterable[FeederFigures], now: Iterable[FeederFigures]) -> list[Change]:
    """What changed between two days: feeders by name, quantities in their order."""
    old = {each.feeder: each for each in before}
    found: list[Change] = []
    for each in sorted(now, key=lambda it: it.feeder):
        known = old.get(each.feeder)
        if known is None:
            continue
        for quantity, figure in each.quantities.items():
            was = known.quantities[quantity]
            if was.colour is not figure.colour:
                found.append(
                    Change(
                        each.feeder, quantity, was.colour, figure.colour, was.percent,
                        figure.percent,
                    )
                )  # fmt: skip
    return found


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
