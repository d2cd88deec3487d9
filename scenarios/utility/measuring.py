"""What is measured at the head of each feeder, from the power flow of the field below it.

A feeder carries what the heads of its transformers give, phase by phase, as many times as there are
transformers like each; its voltage is the mean of theirs, referred to medium voltage (assumption:
the transformers' taps are alike, and the medium voltage's own impedance is in their solution).
While a feeder is interrupted there is neither.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from devices.grid.field_grid import FieldGrid
from devices.meter.load import NOMINAL_DV, SLOT_S, SLOTS_PER_DAY
from scenarios.utility.field import field_of
from scenarios.utility.model import Feeder, Utility
from scenarios.utility.naming import transformer_key

PHASES = "ABC"
Integers = npt.NDArray[np.int64]

DAYS_KEPT = 2_048
"""Of all feeders together; each takes 7 kB."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is measured, as IEC 61970-301 calls it; of one phase, or of "ABC" together."""

    measurement: str
    phases: str
    unit: str
    decimals: int


QUANTITIES = (
    *(Quantity("LineCurrent", phase, "A", 2) for phase in PHASES),
    *(Quantity("PhaseVoltage", phase, "kV", 3) for phase in PHASES),
    *(Quantity("ActivePower", phase, "kW", 3) for phase in PHASES),
    *(Quantity("ReactivePower", phase, "kVAr", 3) for phase in PHASES),
    Quantity("ThreePhaseActivePower", "ABC", "kW", 3),
    Quantity("ThreePhaseReactivePower", "ABC", "kVAr", 3),
)
TOTALS = QUANTITIES[-2:]


@dataclass(frozen=True, slots=True, eq=False)
class FeederDay:
    """Quarter hours of a UTC day in rows, phases in columns."""

    watts: Integers
    vars: Integers
    volts: npt.NDArray[np.float64]


class FeederHeads:
    """The heads of all feeders."""

    def __init__(self, utility: Utility, off: Mapping[int, Sequence[tuple[int, int]]]) -> None:
        """`off` are the times, in POSIX seconds, in which a feeder was interrupted; by its number,
        the earliest first, none within another."""
        self.utility, self._off = utility, off
        self._grid = FieldGrid(utility.seed, field_of(utility))
        self._below: dict[int, list[str]] = {each.number: [] for each in utility.feeders}
        for transformer in utility.transformers:
            self._below[transformer.feeder.number].append(transformer_key(transformer))
        self._day = lru_cache(DAYS_KEPT)(self._solved)

    def average(self, feeder: Feeder, quantity: Quantity, begin: int, end: int) -> float:
        """Over some time, POSIX seconds."""
        total = 0.0
        for slot in range(begin // SLOT_S, -(-end // SLOT_S)):
            first, last = max(begin, slot * SLOT_S), min(end, (slot + 1) * SLOT_S)
            on = last - first - self._without(feeder, first, last)
            if on:
                total += on * self._in_slot(feeder, quantity, slot)
        return round(total / (end - begin), quantity.decimals)

    def at(self, feeder: Feeder, quantity: Quantity, now: int) -> float:
        """At one moment."""
        return self.average(feeder, quantity, now, now + 1)

    def day(self, feeder: Feeder, day: int) -> FeederDay:
        """A UTC day, counted from 1970, as if there were no interruption."""
        return self._day(feeder.number, feeder.substation.kilovolts, day)

    def is_off(self, feeder: Feeder, now: int) -> bool:
        return self._without(feeder, now, now + 1) > 0

    def _without(self, feeder: Feeder, begin: int, end: int) -> int:
        """Seconds of this time in which it was interrupted."""
        times = self._off.get(feeder.number, ())
        place = max(0, bisect_left(times, (begin,)) - 1)
        lost = 0
        for first, last in times[place:]:
            if first >= end:
                break
            lost += max(0, min(end, last) - max(begin, first))
        return lost

    def _in_slot(self, feeder: Feeder, quantity: Quantity, slot: int) -> float:
        day, row = divmod(slot, SLOTS_PER_DAY)
        found = self.day(feeder, day)
        match quantity.measurement:
            case "ThreePhaseActivePower":
                return int(found.watts[row].sum()) / 1000
            case "ThreePhaseReactivePower":
                return int(found.vars[row].sum()) / 1000
        phase = PHASES.index(quantity.phases)
        watts, vars_ = int(found.watts[row, phase]), int(found.vars[row, phase])
        match quantity.measurement:
            case "ActivePower":
                return watts / 1000
            case "ReactivePower":
                return vars_ / 1000
            case "PhaseVoltage":
                return float(found.volts[row, phase]) / 1000
            case "LineCurrent":
                return math.hypot(watts, vars_) / float(found.volts[row, phase])
        raise LookupError(quantity.measurement)

    def _solved(self, number: int, kilovolts: float, day: int) -> FeederDay:
        parts = [
            self._grid.feeder(name).at(day * SLOTS_PER_DAY * SLOT_S)[0]
            for name in self._below[number]
        ]
        level = kilovolts * 1000 / math.sqrt(3) / (NOMINAL_DV * len(parts))
        decivolts = sum(part.head_voltage_dv.astype(np.int64) for part in parts)
        watts = self._carried([part.head_watts for part in parts])
        vars_ = self._carried([part.head_vars for part in parts])
        volts = np.asarray(decivolts * level)
        self._oddly(number, day, (watts, vars_), volts)
        return FeederDay(watts, vars_, volts)

    def _carried(self, parts: Sequence[npt.NDArray[np.int32]]) -> Integers:
        """What a feeder carries where some of its transformers give this."""
        found: Integers = np.asarray(np.sum(parts, axis=0, dtype=np.int64)) * self.utility.alike
        return found

    def _oddly(
        self, number: int, day: int, flows: Sequence[Integers], volts: npt.NDArray[np.float64]
    ) -> None:
        """Have happen what is peculiar about a feeder."""
        oddities = self.utility.oddities
        for transfer in (each for each in oddities.transfers if each.feeder == number):
            first = max(0, -(-transfer.since // SLOT_S) - day * SLOTS_PER_DAY)
            for flow in flows:
                moved = np.rint(flow[first:, transfer.of] * transfer.share).astype(np.int64)
                flow[first:, transfer.of] -= moved
                flow[first:, transfer.to] += moved
        for ratio in (each for each in oddities.ratios if each.feeder == number):
            volts[:, ratio.phase] *= ratio.factor
            for flow in flows:
                flow[:, ratio.phase] = np.rint(flow[:, ratio.phase] * ratio.factor)
