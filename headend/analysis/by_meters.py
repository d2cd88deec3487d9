"""A transformer or a feeder by the load profiles of its meters, and all that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from headend.analysis import phase_identification, registers
from headend.analysis.bands import floors
from headend.analysis.figures import Figures, figures
from headend.analysis.hourly import HOUR_S, Counts, hourly
from headend.analysis.loading import Loading, loading
from headend.analysis.meter_rows import Profiles, Row, profiles, summed
from headend.analysis.meter_sums import ALL_PHASES
from headend.analysis.phase_identification import Identified
from headend.analysis.quantity import PHASES, QUANTITIES, Quantity, Real
from headend.analysis.rephasing import Plan, advise, typical_hours
from headend.analysis.rollup import rolled
from headend.analysis.windows import DayRange, hour_ends
from headend.config.analysis import AnalysisPolicy
from headend.domain.meter import Meter
from headend.domain.utility_day import DAY_S, span_of

UNKNOWN: Final = -1
"""In place of a phase that no record gives."""


@dataclass(frozen=True, slots=True, eq=False)
class ByMeters:
    """What a place's meters tell of some days."""

    figures: Figures
    loading: Loading  # hour by hour
    measured: Real  # of each phase: the share of its usual power that was measured, not made up
    single: Counts  # places of the meters on one phase, in the order of `identified`
    identified: Identified
    plans: Sequence[Plan]  # customers are places in `single`; none where none were asked for


def by_meters(
    rows: Iterable[Row],
    meters: Sequence[Meter],
    days: DayRange,
    zone: ZoneInfo,
    period_s: int,
    *,
    head: str | None = None,
    rated_kva: float | None = None,
    moves_max: int = 0,
    policy: AnalysisPolicy | None = None,
) -> ByMeters:
    """The rows of these meters, and of the one at the `head` where there is one, whose voltages are
    then those of the phases; it is none of `meters`.  Days are the utility's.

    Powers are added on the phases that the records give.  Plans of up to `moves_max` moves are made
    of meters whose phase the voltages tell with confidence, the rest stays where it is.
    """
    policy = policy or AnalysisPolicy()
    bounds = _bounds(days, zone, period_s)
    names = [each.name for each in meters] + ([] if head is None else [head])
    found = profiles(rows, names, bounds)
    hers = Profiles(*(each[:, : len(meters)] for each in found))
    phase = np.array([_recorded(each) for each in meters], dtype=np.int64)
    sums = summed(hers, phase, period_s=period_s, minimum_coverage=policy.minimum_coverage)
    hours = hourly(
        bounds[1:], sums.values, np.concatenate([hour_ends(d, zone) for d in days]), period_s
    )
    parts, _ = rolled(hours, floors=floors(policy.bands), minimum_coverage=policy.minimum_coverage)
    single = np.flatnonzero(phase != ALL_PHASES)
    identified = phase_identification.identify(
        hers.volts[:, single, 0],
        phase_identification.reference(hers.volts[:, single, 0], phase[single])
        if head is None
        else found.volts[:, -1],
        stretch=DAY_S // period_s,
    )
    plans: Sequence[Plan] = ()
    if moves_max:
        clock = [datetime.fromtimestamp(at - 1, zone).hour for at in bounds[1:].tolist()]
        typical = typical_hours(_kw(hers, period_s), clock)
        plans = _plans(typical, phase, single, identified, moves_max)
    return ByMeters(
        figures(parts.over(0), policy),
        _loading(hours.means, rated_kva),
        sums.coverage.mean(axis=0) if len(sums.coverage) else np.zeros(len(PHASES)),
        single,
        identified,
        plans,
    )


def _bounds(days: DayRange, zone: ZoneInfo, period_s: int) -> Counts:
    begin, end = span_of(days.first, zone).begin, span_of(days.last, zone).end
    return np.arange(begin, end + 1, period_s, dtype=np.int64)


def _recorded(meter: Meter) -> int:
    if meter.recorded_phase is None:
        return UNKNOWN
    return ALL_PHASES if meter.recorded_phase == "ABC" else PHASES.index(meter.recorded_phase)


def _kw(found: Profiles, period_s: int) -> Real:
    return registers.whole(registers.energies(found.kwh).values) * HOUR_S / period_s


def _loading(means: Real, rated_kva: float | None) -> Loading:
    kw, kvar, volts = (
        means[:, QUANTITIES.index(each)]
        for each in (Quantity.ACTIVE_POWER, Quantity.REACTIVE_POWER, Quantity.VOLTAGE)
    )
    return loading(kw, kvar, volts, rated_kva)


def _plans(
    typical: Real,
    phase: npt.NDArray[np.int64],
    single: Counts,
    identified: Identified,
    moves_max: int,
) -> Sequence[Plan]:
    """Of single-phase meters on their phases: the identified where that is decided, else the
    recorded; one on no known phase draws nothing here."""
    decided = identified.decided()
    hangs = np.where(decided, identified.phase, phase[single])
    loads = np.where(hangs == UNKNOWN, 0.0, typical[:, single])
    three = typical[:, phase == ALL_PHASES].sum(axis=1, keepdims=True) / len(PHASES)
    return advise(
        loads,
        np.maximum(hangs, 0),
        fixed_kw=np.repeat(three, len(PHASES), axis=1),
        movable=decided,
        moves_max=moves_max,
    )
