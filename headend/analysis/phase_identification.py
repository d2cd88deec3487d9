"""On which phase each meter hangs, told by its voltage.

What all phases share (the medium voltage, the transformer's tap) is taken away, and what changes
from one interval to the next is compared: neighbours' loads move the voltage of their own phase,
while the course of the day is much the same on all.  Each meter is given the phase whose changes go
best with its own.  Method: Pearson correlation of voltage differences, as in Short, "Advanced
metering for phase identification, transformer identification, and secondary modeling" (IEEE
Transactions on Smart Grid, 2013).

How sure that is, the days tell apart: if the best phase is ahead of the second on every day alike,
chance is not what put it there.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import PHASES, Flags, Real

Places = npt.NDArray[np.int64]

UNDECIDED: Final = -1
CONFIDENT: Final = 0.99
PAIRS_MIN: Final = 24
"""Changes that a stretch needs to have a correlation of its own."""

STRETCHES_MIN: Final = 3
_NEVER_QUITE: Final = 0.97
"""A correlation of 1 would outweigh all others: Fisher's transformation has no end there."""


@dataclass(frozen=True, slots=True, eq=False)
class Identified:
    """Of each meter: the place of its phase in PHASES, and how sure that is."""

    phase: Places  # the likeliest; UNDECIDED where nothing can be compared
    confidence: Real  # 0 to 1: that the best is ahead of the second by more than chance
    correlation: Real  # meters x phases
    pairs: Places  # changes from interval to interval that were compared

    def decided(self, confident: float = CONFIDENT) -> Flags:
        """Where one may act on it."""
        return np.asarray((self.phase != UNDECIDED) & (self.confidence >= confident))


def identify(
    meter_volts: npt.ArrayLike, phase_volts: npt.ArrayLike, *, stretch: int = 96
) -> Identified:
    """By the voltages of meters (intervals x meters) and of the feeder's or transformer's phases
    (intervals x 3), NaN where an interval is missing.

    `stretch` is how many intervals are looked at apart from the others: a day of quarter hours.
    """
    meters, phases = _changes(meter_volts, phase_volts)
    correlation, pairs = _correlated(meters, phases)
    known = pairs >= PAIRS_MIN
    known &= ~np.isnan(correlation).any(axis=1) & _moves(meter_volts)
    ordered = np.argsort(-np.nan_to_num(correlation, nan=-2.0), axis=1, kind="stable")
    best, second = ordered[:, 0], ordered[:, 1]
    confidence = np.where(known, _steady(meters, phases, best, second, stretch), 0.0)
    return Identified(np.where(known, best, UNDECIDED), confidence, correlation, pairs)


def identify_rotation(
    meter_volts: npt.ArrayLike, phase_volts: npt.ArrayLike
) -> tuple[int, int, int] | None:
    """Of a meter with three phases (intervals x 3): the place of the phase that each hangs on; None
    where too little is known."""
    meters, phases = _changes(meter_volts, phase_volts)
    correlation, pairs = _correlated(meters, phases)
    if (pairs < PAIRS_MIN).any() or np.isnan(correlation).any():
        return None
    orders = list(itertools.permutations(range(len(PHASES))))
    a, b, c = max(orders, key=lambda order: float(correlation[range(3), order].sum()))
    return a, b, c


def reference(meter_volts: npt.ArrayLike, recorded: npt.ArrayLike) -> Real:
    """Voltages of phases where nothing measures them: the median of the meters that the records
    give each (place in PHASES), intervals x 3.  Wrong records in the minority do little harm."""
    volts, of = np.asarray(meter_volts, dtype=np.float64), np.asarray(recorded)
    found = np.full((len(volts), len(PHASES)), np.nan)
    for phase in range(len(PHASES)):
        group = volts[:, of == phase]
        rows = ~np.isnan(group).all(axis=1) if group.size else np.zeros(len(volts), dtype=bool)
        found[rows, phase] = np.nanmedian(group[rows], axis=1)
    return found


def _moves(meter_volts: npt.ArrayLike) -> Flags:
    """Which voltages change at all: one that stands still would be given what the others share."""
    changes = np.diff(np.asarray(meter_volts, dtype=np.float64), axis=0)
    return np.asarray((np.nan_to_num(changes) != 0).any(axis=0))


def _changes(meter_volts: npt.ArrayLike, phase_volts: npt.ArrayLike) -> tuple[Real, Real]:
    meters = np.asarray(meter_volts, dtype=np.float64)
    phases = np.asarray(phase_volts, dtype=np.float64)
    shared = phases.mean(axis=1, keepdims=True)
    return np.diff(meters - shared, axis=0), np.diff(phases - shared, axis=0)


def _correlated(meters: Real, phases: Real) -> tuple[Real, Places]:
    """Pearson correlation of each meter with each phase, over what both have."""
    whole = ~np.isnan(phases).any(axis=1)
    x, y = meters[whole], phases[whole]
    there = ~np.isnan(x)
    count = there.sum(axis=0)
    x = np.where(there, x, 0.0)
    seen = there.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x = (x.sum(axis=0) / count)[:, None]
        mean_y = seen.T @ y / count[:, None]
        both = x.T @ y / count[:, None] - mean_x * mean_y
        own = ((x**2).sum(axis=0) / count)[:, None] - mean_x**2
        theirs = seen.T @ y**2 / count[:, None] - mean_y**2
        found = both / np.sqrt(own * theirs)
    return np.where(np.isfinite(found), found, np.nan), count


def _steady(meters: Real, phases: Real, best: Places, second: Places, stretch: int) -> Real:
    """How surely the best phase is ahead of the second, from how much it is stretch by stretch."""
    rows = np.arange(meters.shape[1])
    leads = []
    for first in range(0, len(meters), stretch):
        part = slice(first, first + stretch)
        correlation, pairs = _correlated(meters[part], phases[part])
        z = np.arctanh(np.clip(correlation, -_NEVER_QUITE, _NEVER_QUITE))
        leads.append(np.where(pairs >= PAIRS_MIN, z[rows, best] - z[rows, second], np.nan))
    lead = np.array(leads).reshape(-1, meters.shape[1])
    count = np.count_nonzero(~np.isnan(lead), axis=0)
    enough = count >= STRETCHES_MIN
    mean = np.nansum(lead, axis=0) / np.maximum(count, 1)
    spread = np.nansum((lead - mean) ** 2, axis=0) / np.maximum(count - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = mean / np.sqrt(spread / np.maximum(count, 1))
    sure = [0.5 * (1 + math.erf(each / math.sqrt(2))) for each in np.nan_to_num(score, posinf=9.0)]
    return np.where(enough, sure, 0.0)
