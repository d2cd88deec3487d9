"""A transformer or a feeder by the load profiles of its meters, and all that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from headend.analysis import phase_identification, registers
from headend.analysis.bands import floors
from headend.analysis.connections import Connections, connections, lines_of
from headend.analysis.figures import Figures, figures
from headend.analysis.hourly import HOUR_S, Counts, hourly
from headend.analysis.loading import Loading, loading
from headend.analysis.losses import (
    Balance,
    Lines,
    balance,
    drawn_currents,
    line_losses_kw,
    on_phases,
)
from headend.analysis.meter_rows import Profiles, Row, profiles, summed
from headend.analysis.meter_sums import ALL_PHASES
from headend.analysis.phase_identification import Identified
from headend.analysis.quantity import PHASES, QUANTITIES, Complex, Quantity, Real
from headend.analysis.rephasing import Plan, advise, typical_hours
from headend.analysis.rollup import rolled
from headend.analysis.windows import DayRange, hour_ends
from headend.config.analysis import AnalysisPolicy
from headend.domain.line_section import LineSection
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
    balance: Balance | None  # None without a meter at the head


@dataclass(frozen=True, slots=True)
class Drawn:
    """The lines of a place by the utility's records; `points` are service points by meter."""

    sections: Sequence[LineSection]
    points: Mapping[str, str]


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
    drawn: Drawn | None = None,
    policy: AnalysisPolicy | None = None,
) -> ByMeters:
    """The rows of these meters, and of the one at the `head` where there is one, whose voltages are
    then those of the phases; it is none of `meters`.  Days are the utility's.

    Powers are added on the phases that the records give.  Plans of up to `moves_max` moves are made
    of meters whose phase the voltages tell with confidence, the rest stays where it is.  With a
    head that counts energy the balance is told; with lines that are `drawn` its technical part, and
    what the lines lose under each plan.
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
    wires = connections(_hanging(phase, single, identified))
    lines = None if drawn is None else _lines(drawn, meters, wires)
    amperes = None if lines is None else _amperes(hers, wires, period_s)
    plans: Sequence[Plan] = ()
    if moves_max:
        clock = [datetime.fromtimestamp(at - 1, zone).hour for at in bounds[1:].tolist()]
        typical = wires.of_meters(typical_hours(_kilo(hers.kwh, period_s), clock))
        plans = _plans(typical, wires, identified, moves_max, lines, amperes)
    return ByMeters(
        figures(parts.over(0), policy),
        _loading(hours.means, rated_kva),
        sums.coverage.mean(axis=0) if len(sums.coverage) else np.zeros(len(PHASES)),
        single,
        identified,
        plans,
        None if head is None else _balance(found, wires, lines, amperes, period_s),
    )


def _bounds(days: DayRange, zone: ZoneInfo, period_s: int) -> Counts:
    begin, end = span_of(days.first, zone).begin, span_of(days.last, zone).end
    return np.arange(begin, end + 1, period_s, dtype=np.int64)


def _recorded(meter: Meter) -> int:
    if meter.recorded_phase is None:
        return UNKNOWN
    return ALL_PHASES if meter.recorded_phase == "ABC" else PHASES.index(meter.recorded_phase)


def _hanging(
    phase: npt.NDArray[np.int64], single: Counts, identified: Identified
) -> npt.NDArray[np.int64]:
    """The identified phases where they are decided, else the recorded."""
    hangs = phase.copy()
    hangs[single] = np.where(identified.decided(), identified.phase, phase[single])
    return hangs


def _kilo(register: Real, period_s: int) -> Real:
    """Kilowatts or kilovars of meters, gaps spread."""
    return registers.whole(registers.energies(register).values) * HOUR_S / period_s


def _lines(drawn: Drawn, meters: Sequence[Meter], wires: Connections) -> Lines:
    names = [(each.name, drawn.points.get(each.name, each.name)) for each in meters]
    return lines_of(drawn.sections, [names[place] for place in wires.meter])


def _amperes(hers: Profiles, wires: Connections, period_s: int) -> Complex:
    """Of the connections; of one on no known phase 0."""
    kw, kvar = (wires.of_meters(_kilo(each, period_s)) for each in (hers.kwh, hers.kvarh))
    known = wires.phase >= 0
    kw, kvar = kw * known, kvar * known
    return drawn_currents(kw, kvar, wires.volts(hers.volts), np.maximum(wires.phase, 0))


def _balance(
    found: Profiles,
    wires: Connections,
    lines: Lines | None,
    amperes: Complex | None,
    period_s: int,
) -> Balance:
    """The head's meter is the last of `found`."""
    technical = np.full(len(found.volts), np.nan)
    if lines is not None and amperes is not None:
        phase = np.maximum(wires.phase, 0)
        technical = line_losses_kw(on_phases(amperes, phase), phase, lines) * period_s / HOUR_S
    hers = registers.energies(found.kwh).values
    return balance(hers[:, -1], hers[:, :-1], technical)


def _loading(means: Real, rated_kva: float | None) -> Loading:
    kw, kvar, volts = (
        means[:, QUANTITIES.index(each)]
        for each in (Quantity.ACTIVE_POWER, Quantity.REACTIVE_POWER, Quantity.VOLTAGE)
    )
    return loading(kw, kvar, volts, rated_kva)


def _plans(
    typical: Real,
    wires: Connections,
    identified: Identified,
    moves_max: int,
    lines: Lines | None,
    amperes: Complex | None,
) -> Sequence[Plan]:
    """Of connections, single-phase meters first; who hangs on no known phase draws nothing here,
    and the phases of a meter on three are not moved."""
    movable = np.zeros(len(wires.phase), dtype=bool)
    movable[: len(identified.phase)] = identified.decided()
    return advise(
        np.where(wires.phase == UNKNOWN, 0.0, typical),
        np.maximum(wires.phase, 0),
        movable=movable,
        moves_max=moves_max,
        lines=lines,
        amperes=amperes,
    )
