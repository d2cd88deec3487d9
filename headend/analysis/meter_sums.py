"""A transformer or a feeder as the sum of its meters, phase by phase.

For where nothing measures the head: meters' powers are added on the phase that each hangs on.  What
is missing is made up by what the others of the phase had, in the proportion in which the missing
meters stand to them over the whole time; how much was there is told beside it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import PHASES, Real

ALL_PHASES = 3
"""In place of a phase: a meter on all three, whose power is shared evenly."""


class PhaseSums(NamedTuple):
    """(intervals x 3): sums in the unit of the meters, NaN below the minimum coverage; and the
    share of the phase's usual power that was measured."""

    values: Real
    coverage: Real


def phase_sums(
    values: npt.ArrayLike, phase: npt.ArrayLike, *, minimum_coverage: float = 0.8
) -> PhaseSums:
    """Sums of meters (intervals x meters, NaN where missing) by their phases (meters): places in
    PHASES, or ALL_PHASES.  A meter on an unknown phase (below 0) is left out.

    A meter counts for the coverage by its mean amount.  A phase without meters has 0 and is whole.
    """
    given, of = np.asarray(values, dtype=np.float64), np.asarray(phase, dtype=np.int64)
    there = ~np.isnan(given)
    measured = np.where(there, given, 0.0)
    usual = np.abs(measured).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    share = np.zeros((len(of), len(PHASES)))
    for place in range(len(PHASES)):
        share[of == place, place] = 1.0
    share[of == ALL_PHASES] = 1 / len(PHASES)
    weight = usual[:, None] * share
    whole = weight.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        coverage = np.where(whole > 0, there @ weight / whole, 1.0)
        sums = measured @ share / coverage
    enough = coverage >= max(minimum_coverage, 1e-9)
    return PhaseSums(np.where(enough, sums, np.nan), coverage)


def phase_voltages(volts: npt.ArrayLike, phase: npt.ArrayLike) -> Real:
    """The mean voltage of the meters of each phase that told one, (intervals x 3)."""
    given, of = np.asarray(volts, dtype=np.float64), np.asarray(phase, dtype=np.int64)
    found = np.full((len(given), len(PHASES)), np.nan)
    for place in range(len(PHASES)):
        group = given[:, of == place]
        there = ~np.isnan(group)
        count = there.sum(axis=1)
        total = np.where(there, group, 0.0).sum(axis=1)
        found[:, place] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def four_quantities(kw: npt.ArrayLike, kvar: npt.ArrayLike, volts: npt.ArrayLike) -> Real:
    """Current, active power, reactive power and voltage (intervals x quantities x 3), in the order
    of `quantity.QUANTITIES`: the current is what the powers and the voltage make."""
    active, reactive, voltage = (np.asarray(each, dtype=np.float64) for each in (kw, kvar, volts))
    with np.errstate(invalid="ignore", divide="ignore"):
        amperes = np.where(voltage > 0, 1000 * np.hypot(active, reactive) / voltage, np.nan)
    return np.stack([amperes, active, reactive, voltage], axis=-2)
