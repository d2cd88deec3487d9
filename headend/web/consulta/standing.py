"""What the windows say of each feeder, wherever its figures come from."""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from headend.analysis.bands import COLOURS, Codes, Colour, worst
from headend.analysis.figures import Figures, figures
from headend.analysis.power_factor import power_factor
from headend.analysis.quantity import PHASES, QUANTITIES, UNITS, Quantity, Real
from headend.analysis.rollup import Rollup
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import KeptInstance
from headend.web.consulta.organisation import SUBSTATION, Organisation


class Shown(enum.StrEnum):
    """The three stamps of time of the paper."""

    MONTH = "month"
    HOURS_48 = "48h"
    NOW = "now"


class Mode(enum.StrEnum):
    PERCENT = "percent"
    MAGNITUDE = "magnitude"


@dataclass(frozen=True, slots=True)
class Judged:
    """One window of one feeder; None where nothing can be said.  By quantity: `percent` is the
    unbalance of the averages, `hourly` the mean of the hours', `magnitude` in A, kW, kvar, V;
    `coverage` and `hours` are shares of one.  `power` is kW and kvar of the three phases together,
    `kvar` the capacitors that are missing."""

    percent: Mapping[Quantity, float | None]
    magnitude: Mapping[Quantity, float | None]
    hourly: Mapping[Quantity, float | None]
    colour: Mapping[Quantity, Colour]
    coverage: Mapping[Quantity, float | None]
    hours: Mapping[Quantity, float | None]
    averages: Mapping[Quantity, Sequence[float | None]]
    power: tuple[float, float] | None
    power_factor: float | None
    kvar: float | None

    def value(self, quantity: Quantity, mode: Mode) -> float | None:
        return (self.percent if mode is Mode.PERCENT else self.magnitude)[quantity]

    def whole(self, quantity: Quantity) -> float | None:
        """Of the feeder as a whole: the mean of its three currents, kW and kvar of all phases; None
        of its voltage."""
        if quantity is Quantity.CURRENT:
            known = [each for each in self.averages[quantity] if each is not None]
            return sum(known) / len(PHASES) if len(known) == len(PHASES) else None
        return None if self.power is None else _power(self.power, quantity)

    @property
    def worst(self) -> Colour:
        return worst(self.colour.values())

    @property
    def least_coverage(self) -> float | None:
        """Of the quantity of which least came."""
        return min((each for each in self.coverage.values() if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class Standing:
    """A circuit and what is known of it."""

    circuit: KeptInstance
    substation: str
    kilovolts: float | None
    windows: Mapping[Shown, Judged] = field(default_factory=dict)

    def value(self, shown: Shown, quantity: Quantity, mode: Mode) -> float | None:
        found = self.windows.get(shown)
        return None if found is None else found.value(quantity, mode)


def judged(
    rollups: Sequence[Rollup], policy: AnalysisPolicy, kilovolts: Sequence[float | None]
) -> list[Judged]:
    """What roll-ups say, each of a feeder with its nominal voltage."""
    found: dict[int, Judged] = {}
    for places, told in _by_level(rollups, policy, kilovolts):
        averages, percent, magnitude, hourly, coverage, hours, colours, power, factors, kvar = (
            each.tolist()
            for each in (
                told.averages, told.percent, told.magnitude, told.mean_of_hours, told.coverage,
                told.hours, told.colours, told.power, told.power_factor, told.capacitors_kvar,
            )
        )  # fmt: skip
        for row, place in enumerate(places):
            found[place] = Judged(
                percent=_by_quantity(percent[row]),
                magnitude=_by_quantity(magnitude[row]),
                hourly=_by_quantity(hourly[row]),
                colour={
                    each: COLOURS[code] for each, code in zip(QUANTITIES, colours[row], strict=True)
                },
                coverage=_by_quantity(coverage[row]),
                hours=_by_quantity(hours[row]),
                averages={
                    each: [_known(value) for value in averages[row][number]]
                    for number, each in enumerate(QUANTITIES)
                },
                power=None if math.isnan(sum(power[row])) else (power[row][0], power[row][1]),
                power_factor=_known(factors[row]),
                kvar=_known(kvar[row]),
            )
    return [found[place] for place in range(len(rollups))]


def colours_of(
    rollups: Sequence[Rollup], policy: AnalysisPolicy, kilovolts: Sequence[float | None]
) -> tuple[Codes, Real]:
    """The same where colours alone are asked for: their places in COLOURS and the percentages
    behind them, (roll-ups x quantities)."""
    shape = (len(rollups), len(QUANTITIES))
    codes, percents = np.zeros(shape, dtype=np.int8), np.full(shape, np.nan)
    for places, told in _by_level(rollups, policy, kilovolts):
        codes[places], percents[places] = told.colours, told.percent
    return codes, percents


def _by_level(
    rollups: Sequence[Rollup], policy: AnalysisPolicy, kilovolts: Sequence[float | None]
) -> Iterator[tuple[list[int], Figures]]:
    """Places of roll-ups and what these say: at once for all of a nominal voltage."""
    for level in {*kilovolts}:
        places = [place for place, each in enumerate(kilovolts) if each == level]
        nominal_v = None if level is None else level * 1000
        together = Rollup.stacked([rollups[place] for place in places])
        yield places, figures(together, policy, nominal_v=nominal_v)


def standings(
    organisation: Organisation,
    circuits: Sequence[KeptInstance],
    windows: Mapping[Shown, Mapping[str, Rollup]],
    policy: AnalysisPolicy,
) -> list[Standing]:
    """Circuits with the windows that are known of each, by SIAD's keys."""
    levels = {each.key: organisation.kilovolts(each) for each in circuits}
    told: dict[str, dict[Shown, Judged]] = {each.key: {} for each in circuits}
    for shown, by_key in windows.items():
        keys = [each.key for each in circuits if each.key in by_key]
        found = judged([by_key[key] for key in keys], policy, [levels[key] for key in keys])
        for key, each in zip(keys, found, strict=True):
            told[key][shown] = each
    made = []
    for it in circuits:
        substation = organisation.within(it, SUBSTATION)
        name = "–" if substation is None else substation.name
        made.append(Standing(it, name, levels[it.key], told[it.key]))
    return made


@dataclass(frozen=True, slots=True)
class Together:
    """Several feeders as one: `kw` and `kvar` are sums of their averages, however many of each
    one's hours count; `missing_kvar` is what each lacks for itself, added up."""

    kw: float
    kvar: float
    power_factor: float | None
    missing_kvar: float
    coverage: float  # 0 to 1: the mean of the feeders' least

    def whole(self, quantity: Quantity) -> float | None:
        """Their power; None of currents, which have different voltages, and of voltages."""
        return _power((self.kw, self.kvar), quantity)


def together(found: Sequence[Judged]) -> Together | None:
    """None where nothing is known of any."""
    known = [(each.power, each.kvar or 0.0) for each in found if each.power is not None]
    if not known:
        return None
    kw, kvar = (sum(power[place] for power, _ in known) for place in range(2))
    return Together(
        kw,
        kvar,
        _known(float(power_factor(kw, kvar))),
        sum(missing for _, missing in known),
        sum(each.least_coverage or 0.0 for each in found) / len(found),
    )


def _power(power: tuple[float, float], quantity: Quantity) -> float | None:
    match quantity:
        case Quantity.ACTIVE_POWER:
            return power[0]
        case Quantity.REACTIVE_POWER:
            return power[1]
        case _:
            return None


def exceeding(counted: Mapping[Colour, int]) -> float | None:
    """The share of those that are judged which are not good."""
    judged_ones = sum(count for colour, count in counted.items() if colour is not Colour.UNKNOWN)
    return (counted[Colour.YELLOW] + counted[Colour.RED]) / judged_ones if judged_ones else None


def counts(found: Sequence[Standing], shown: Shown, quantity: Quantity) -> dict[Colour, int]:
    """How many are of which colour; who has no figures is unknown."""
    seen = Counter(
        each.windows[shown].colour[quantity] if shown in each.windows else Colour.UNKNOWN
        for each in found
    )
    return {colour: seen[colour] for colour in Colour}


def sorted_by(
    found: Sequence[Standing], shown: Shown, quantity: Quantity, mode: Mode
) -> list[Standing]:
    """The worst first; who has no figure comes last."""

    def place(each: Standing) -> tuple[bool, float, str]:
        value = each.value(shown, quantity, mode)
        return value is None, -(value or 0.0), each.circuit.key

    return sorted(found, key=place)


def unit(quantity: Quantity, mode: Mode) -> str:
    return "%" if mode is Mode.PERCENT else UNITS[quantity]


def _by_quantity(values: Sequence[float]) -> dict[Quantity, float | None]:
    return {each: _known(value) for each, value in zip(QUANTITIES, values, strict=True)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def days_judged(
    rows: Sequence[Sequence[int]], policy: AnalysisPolicy, kilovolts: float | None
) -> list[Judged]:
    """What roll-ups of one feeder that were kept say."""
    if not rows:
        return []
    kept = Rollup.of_flat(np.array(rows, dtype=np.int64))
    return judged([kept[row] for row in range(len(rows))], policy, [kilovolts] * len(rows))
