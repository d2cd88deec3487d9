"""What the dynamic dashboard shows, of feeders' roll-ups: figures, counts by colour, what changed.

Works over rows that queries found (`headend.store.feeder_queries`); formulas and bands are those of
`headend.analysis`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from headend.analysis.bands import COLOURS, Colour, counted
from headend.analysis.figures import figures
from headend.analysis.judged import Judged, judged
from headend.analysis.quantity import QUANTITIES, Quantity
from headend.analysis.rollup import COLUMNS, Rollup
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import FeederRoll, FeederSums

Nominal = Mapping[str, float | None]
"""Volts between phases, by feeder."""
_ORDER: Final = {colour: place for place, colour in enumerate((Colour.GREEN, Colour.YELLOW,
    Colour.RED))}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeederFigures:
    """A feeder in the span that ends with a day."""

    feeder: str
    day: date
    judged: Judged


def told(
    rolls: Sequence[FeederRoll], policy: AnalysisPolicy, nominal: Nominal | None = None
) -> list[FeederFigures]:
    """What each roll says, in their order."""
    if not rolls:
        return []
    rollup = Rollup.of_flat([each.rollup for each in rolls])
    levels = [(nominal or {}).get(each.feeder) for each in rolls]
    found = judged(rollup, policy, levels, [each.p95 for each in rolls])
    return [FeederFigures(it.feeder, it.day, each) for it, each in zip(rolls, found, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class DaysRolled:
    """Roll-ups (the first axis), each of a feeder and the span that ends with a day; in order of
    their days."""

    days: Sequence[date]
    feeders: Sequence[str]
    rollup: Rollup

    @classmethod
    def of(cls, sums: FeederSums) -> DaysRolled:
        numbers = np.fromiter(sums.numbers, dtype=np.int64, count=len(sums.numbers))
        return cls(sums.days, sums.feeders, Rollup.of_flat(numbers.reshape(-1, len(COLUMNS))))

    def among(self, feeders: Container[str]) -> DaysRolled:
        """Of some feeders alone."""
        places = [place for place, each in enumerate(self.feeders) if each in feeders]
        if len(places) == len(self.feeders):
            return self
        return DaysRolled(
            [self.days[place] for place in places],
            [self.feeders[place] for place in places],
            self.rollup[np.array(places, dtype=np.intp)],
        )

    def on(self, day: date) -> slice:
        """Where a day's are."""
        return slice(bisect_left(self.days, day), bisect_right(self.days, day))


def trend_counts(
    rolled: DaysRolled, policy: AnalysisPolicy, nominal: Nominal | None = None
) -> dict[date, dict[Quantity, dict[Colour, int]]]:
    """How many feeders were of which colour, by the day that their spans end with."""
    levels = [*map((nominal or {}).get, rolled.feeders)]
    codes = figures(rolled.rollup, policy, nominal_v=levels).colours
    return {day: counted(codes[rolled.on(day)]) for day in dict.fromkeys(rolled.days)}


def counts(found: Iterable[Judged]) -> dict[Quantity, dict[Colour, int]]:
    """How many feeders are of which colour."""
    seen = {quantity: dict.fromkeys(COLOURS, 0) for quantity in QUANTITIES}
    for each in found:
        for quantity, figure in each.quantities.items():
            seen[quantity][figure.colour] += 1
    return seen


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


def changes(before: Mapping[str, Judged], now: Mapping[str, Judged]) -> list[Change]:
    """What changed between two days: feeders by name, quantities in their order."""
    return [
        Change(feeder, quantity, was.colour, figure.colour, was.percent, figure.percent)
        for feeder in sorted(now)
        if feeder in before
        for quantity, figure in now[feeder].quantities.items()
        if (was := before[feeder][quantity]).colour is not figure.colour
    ]
