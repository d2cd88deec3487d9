"""What a window says: averages, unbalance, power factor, and how much of it was there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headend.analysis.bands import Codes, Limits, classified
from headend.analysis.power_factor import capacitors_kvar, power_factor
from headend.analysis.quantity import Flags, Real
from headend.analysis.rollup import MILLIONTHS, Rollup
from headend.analysis.unbalance import max_deviation
from headend.config.analysis import AnalysisPolicy


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Of each of what was rolled up (...).  NaN where nothing can be said.

    `percent` is the headline: the unbalance of the averages.  `mean_of_hours` is the average of the
    hours' unbalances, another figure: single-phase loads that take turns balance over a day.
    """

    averages: Real  # (..., quantities, phases) A, kW, kvar, V
    percent: Real  # (..., quantities)
    magnitude: Real  # (..., quantities) A, kW, kvar, V
    mean_of_hours: Real  # (..., quantities) percent
    power: Real  # (..., 2) kW and kvar of the three phases together
    power_factor: Real  # (...)
    capacitors_kvar: Real  # (...) to reach the policy's power factor
    coverage: Real  # (..., quantities) 0 to 1: values received of those expected
    hours: Real  # (..., quantities) 0 to 1: hours that count of those of the time
    enough: Flags  # (..., quantities) as many hours count as a judgement takes
    colours: Codes  # (..., quantities) places in `bands.COLOURS`


def figures(
    rollup: Rollup,
    policy: AnalysisPolicy | None = None,
    *,
    nominal_v: float | Sequence[float | None] | None = None,
) -> Figures:
    """What a roll-up says, by a policy; `nominal_v` is the feeder's, volts between phases: of each
    its own, where they are several along the first axis."""
    policy = policy or AnalysisPolicy()
    if nominal_v is None or isinstance(nominal_v, (int, float)):
        limits = Limits.of(policy.bands_at(nominal_v))
    else:
        limits = Limits.at(policy, nominal_v)
    averages = _mean(rollup.sums, rollup.hours[..., None])
    deviation = max_deviation(averages, floor=limits.floor)
    power = _mean(rollup.power, rollup.power_hours)
    kw, kvar = power[..., 0], power[..., 1]
    hours = _share(rollup.hours, rollup.span_hours)
    with np.errstate(invalid="ignore"):
        enough = (hours >= policy.minimum_coverage) & (rollup.hours > 0)
    return Figures(
        averages=averages,
        percent=deviation.percent,
        magnitude=deviation.magnitude,
        mean_of_hours=_mean(rollup.percents, rollup.percent_hours),
        power=power,
        power_factor=power_factor(kw, kvar),
        capacitors_kvar=capacitors_kvar(kw, kvar, target=policy.power_factor),
        coverage=_share(rollup.received, rollup.expected),
        hours=hours,
        enough=enough,
        colours=classified(deviation.percent, enough, limits),
    )


def percentile(percents: npt.ArrayLike, share: float = 0.95) -> Real:
    """The hours' unbalance (..., hours, quantities) that this share of the hours does not exceed,
    between neighbours in proportion; NaN where there is none."""
    ordered = np.sort(np.asarray(percents, dtype=np.float64), axis=-2)  # NaN comes last
    count = np.count_nonzero(~np.isnan(ordered), axis=-2)
    place = np.maximum(count - 1, 0) * share
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below, above = (
        np.take_along_axis(ordered, each[..., None, :], axis=-2)[..., 0, :] for each in (low, high)
    )
    return np.asarray(below + (above - below) * (place - low))


def _mean(sums: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> Real:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, sums / (counts * MILLIONTHS), np.nan)


def _share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> Real:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
