"""Rows of meters' load profiles as arrays, and what a transformer or a feeder is by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from headend.analysis.meter_sums import (
    ALL_PHASES,
    four_quantities,
    phase_sums,
    phase_voltages,
)
from headend.analysis.quantity import PHASES, Real
from headend.analysis.registers import energies

Row = tuple[Any, ...]
"""Meter, end of its interval in POSIX seconds, status, then import and export in Wh, the same in
varh, voltages of L1, L2 and L3 in 0.1 V; None where a meter tells none (`store.intervals`)."""

_AT, _IMPORT, _EXPORT, _VARH_IMPORT, _VARH_EXPORT, _L1 = 1, 3, 4, 5, 6, 7
_HOUR_S: Final = 3600


class Profiles(NamedTuple):
    """Of meters in columns: registers at the bounds of intervals, one more than those, what was
    drawn less what was fed in; voltages of the intervals, (intervals x meters x 3)."""

    kwh: Real
    kvarh: Real
    volts: Real


class Summed(NamedTuple):
    """A transformer or a feeder by its meters."""

    values: Real  # intervals x quantities x phases, NaN where too little is known
    coverage: Real  # intervals x phases: the share of the phase's usual power that was measured


def profiles(rows: Iterable[Row], meters: Sequence[str], bounds_s: npt.ArrayLike) -> Profiles:
    """The rows of these meters at the bounds of intervals, POSIX seconds.  Others are left out."""
    column = {name: place for place, name in enumerate(meters)}
    bound = {at: place for place, at in enumerate(np.asarray(bounds_s).tolist())}
    count = len(bound)
    kwh, kvarh = (np.full((count, len(meters)), np.nan) for _ in range(2))
    volts = np.full((max(count - 1, 0), len(meters), len(PHASES)), np.nan)
    for row in rows:
        at, meter = bound.get(row[_AT]), column.get(row[0])
        if at is None or meter is None:
            continue
        kwh[at, meter] = _net(row[_IMPORT], row[_EXPORT])
        kvarh[at, meter] = _net(row[_VARH_IMPORT], row[_VARH_EXPORT])
        if at:
            volts[at - 1, meter] = [
                np.nan if each is None else each / 10 for each in row[_L1 : _L1 + len(PHASES)]
            ]
    return Profiles(kwh, kvarh, volts)


def summed(
    found: Profiles, phase: npt.ArrayLike, *, period_s: int, minimum_coverage: float = 0.8
) -> Summed:
    """Current, powers and voltage of the phases, from meters on these: places in PHASES,
    ALL_PHASES, or below 0 where nobody knows.

    What a register gained in a gap is known, and spread over it: intervals in a gap are left out
    only where no reading follows, so that a window's averages are right, however many of its hours
    are an estimate.  `coverage` tells how much was measured.
    A meter on three phases shares its power evenly and tells each its own voltage; one on a single
    phase tells that one its L1.
    """
    of = np.asarray(phase, dtype=np.int64)
    powers, coverage = [], np.ones((len(found.volts), len(PHASES)))
    for registers in (found.kwh, found.kvarh):
        told = energies(registers)
        kilo = told.values * _HOUR_S / period_s
        powers.append(phase_sums(kilo, of, minimum_coverage=minimum_coverage).values)
        measured = np.where(told.measured, kilo, np.nan)
        coverage = np.minimum(coverage, phase_sums(measured, of, minimum_coverage=0).coverage)
    kw, kvar = powers
    return Summed(four_quantities(kw, kvar, _voltages(found.volts, of)), coverage)


def _voltages(volts: Real, of: npt.NDArray[np.int64]) -> Real:
    """Connection by connection: a single-phase meter has one, a three-phase meter three."""
    single, three = (of >= 0) & (of != ALL_PHASES), of == ALL_PHASES
    connections = np.concatenate(
        [volts[:, single, 0], *(volts[:, three, place] for place in range(len(PHASES)))], axis=1
    )
    each = np.repeat(np.arange(len(PHASES)), int(three.sum()))
    return phase_voltages(connections, np.concatenate([of[single], each]))


def _net(drawn: int | None, fed_in: int | None) -> float:
    """Kilowatt-hours; a meter that counts no export feeds nothing in."""
    return np.nan if drawn is None else (drawn - (fed_in or 0)) / 1000
