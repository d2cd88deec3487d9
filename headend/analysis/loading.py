"""How much a transformer carries, and what returns by its neutral."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import PHASES, Flags, Real
from headend.analysis.unbalance import current_phasors, neutral_current


@dataclass(frozen=True, slots=True, eq=False)
class Loading:
    """Interval by interval; NaN where a phase is missing."""

    kva: Real  # of all three phases
    percent: Real  # of the rating
    worst_phase_percent: Real  # the most loaded winding, of a third of the rating
    neutral_a: Real

    @property
    def known(self) -> Flags:
        return ~np.isnan(self.kva)

    @property
    def coverage(self) -> float:
        """Share of the intervals that are known."""
        return float(self.known.mean()) if self.known.size else 0.0

    def peak_percent(self, share: float = 1.0) -> float:
        """The loading that this share of the known intervals does not exceed; 1 is the highest."""
        return float(np.quantile(self.percent[self.known], share)) if self.known.any() else np.nan

    @property
    def peak_kva(self) -> float:
        """The highest of the known intervals."""
        return float(self.kva[self.known].max()) if self.known.any() else np.nan

    @property
    def peak_neutral_a(self) -> float:
        """The highest current of the neutral."""
        there = self.neutral_a[~np.isnan(self.neutral_a)]
        return float(there.max()) if there.size else np.nan

    def over(self, percent: float = 100.0) -> int:
        """In how many intervals it carried more."""
        return int(np.count_nonzero(self.percent[self.known] > percent))


def loading(
    kw: npt.ArrayLike,
    kvar: npt.ArrayLike,
    volts: npt.ArrayLike,
    rated_kva: float | None = None,
) -> Loading:
    """From what leaves the transformer, (intervals x 3): powers, and volts to neutral, whose angles
    are taken to be a third of a turn apart.  Without a rating there are no percentages.  Raises
    ValueError for a rating that is none."""
    if rated_kva is not None and rated_kva <= 0:
        raise ValueError(f"a transformer of {rated_kva} kVA")
    active, reactive = np.asarray(kw, dtype=np.float64), np.asarray(kvar, dtype=np.float64)
    kva = np.hypot(active.sum(axis=-1), reactive.sum(axis=-1))
    rated = np.nan if rated_kva is None else rated_kva
    windings = np.hypot(active, reactive).max(axis=-1)
    return Loading(
        kva=kva,
        percent=100 * kva / rated,
        worst_phase_percent=100 * windings * len(PHASES) / rated,
        neutral_a=neutral_current(current_phasors(active, reactive, volts)),
    )
