"""What is lost between a transformer and its customers: technically, and otherwise.

The energy balance tells all of it: the transformer's meter less the customers'.  The technical part
is computed from the currents that the meters tell and the resistances of the lines, conductor by
conductor; what is left is not technical: theft, meters that are wrong, supplies without a meter.
No power flow has to be solved, because the voltages were measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import PHASES, Complex, Flags, Real
from headend.analysis.registers import whole
from headend.analysis.unbalance import current_phasors


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """A radial network in sections.  `behind` (sections x connections) tells which connections a
    section carries; resistances are of each section's phase and neutral conductors, ohms."""

    behind: Flags
    phase_ohm: Real
    neutral_ohm: Real

    def __post_init__(self) -> None:
        sections = len(self.behind)
        if self.phase_ohm.shape != (sections,) or self.neutral_ohm.shape != (sections,):
            raise ValueError(f"{sections} sections have a resistance of each conductor each")


@dataclass(frozen=True, slots=True)
class Balance:
    """Energies of a window, kWh; `technical_kwh` is NaN where nobody told the lines."""

    delivered_kwh: float  # the transformer's meter
    sold_kwh: float  # the customers' meters
    technical_kwh: float  # in the lines, computed
    coverage: float  # 0 to 1: customers' intervals of which anything is known

    @property
    def lost_kwh(self) -> float:
        return self.delivered_kwh - self.sold_kwh

    @property
    def rest_kwh(self) -> float:
        """Not explained by the lines.  Below 0: a meter counts too much, or the lines are thicker
        than the records say."""
        return self.lost_kwh - self.technical_kwh

    @property
    def rest_percent(self) -> float:
        """Of what was delivered; NaN where nothing was."""
        if not self.delivered_kwh:
            return float("nan")
        return 100 * self.rest_kwh / self.delivered_kwh


def balance(
    delivered_kwh: npt.ArrayLike, sold_kwh: npt.ArrayLike, technical_kwh: npt.ArrayLike
) -> Balance:
    """Of the intervals of which the transformer's meter tells: what it delivered (intervals), the
    customers' energies (intervals x meters) and what the lines lose (intervals).

    Customers' energies that are missing at either end are made up by the meter's own average; gaps
    in between had better be spread before (`registers.energies`).
    """
    delivered = np.asarray(delivered_kwh, dtype=np.float64)
    sold, technical = np.asarray(sold_kwh, dtype=np.float64), np.asarray(technical_kwh)
    known = ~np.isnan(delivered)
    return Balance(
        delivered_kwh=float(delivered[known].sum()),
        sold_kwh=float(whole(sold)[known].sum()),
        technical_kwh=float(technical[known].sum()),
        coverage=float((~np.isnan(sold[known])).mean()) if known.any() else 0.0,
    )


def drawn_currents(
    kw: npt.ArrayLike, kvar: npt.ArrayLike, volts: npt.ArrayLike, phase: npt.ArrayLike
) -> Complex:
    """Amperes of single connections (intervals x connections), each against its own voltage.

    Voltages that are missing, or 0, are taken from the others of the connection's phase (its place
    in PHASES), and where those are missing as well from its own mean.  Who draws nothing has no
    current, whatever the voltage.
    """
    of = np.asarray(phase, dtype=np.int64)
    given = np.asarray(volts, dtype=np.float64)
    filled = _filled(np.where(given > 0, given, np.nan), of)
    power = np.asarray(kw, dtype=np.float64) + 1j * np.asarray(kvar, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(power == 0, 0, 1000 * np.conj(power) / filled)


def on_phases(currents: npt.ArrayLike, phase: npt.ArrayLike) -> Complex:
    """Currents, each turned to its phase: voltages are taken to be a third of a turn apart."""
    turns = current_phasors(np.ones(len(PHASES)), np.zeros(len(PHASES)), np.full(3, 1000.0))
    return np.asarray(currents, dtype=np.complex128) * turns[np.asarray(phase, dtype=np.int64)]


def connection_currents(
    kw: npt.ArrayLike, kvar: npt.ArrayLike, volts: npt.ArrayLike, phase: npt.ArrayLike
) -> Complex:
    """`drawn_currents` on their phases: as they add up in the lines."""
    return on_phases(drawn_currents(kw, kvar, volts, phase), phase)


def line_losses_kw(currents: npt.ArrayLike, phase: npt.ArrayLike, lines: Lines) -> Real:
    """What the sections turn into heat, interval by interval.  What connections of different phases
    draw meets in the neutral."""
    amperes, of = np.asarray(currents, dtype=np.complex128), np.asarray(phase, dtype=np.int64)
    carried = lines.behind.T.astype(np.float64)
    returning = np.zeros((len(amperes), len(lines.behind)), dtype=np.complex128)
    watts = np.zeros(len(amperes))
    for place in range(len(PHASES)):
        chosen = of == place
        through = amperes[:, chosen] @ carried[chosen]
        watts += (np.abs(through) ** 2) @ lines.phase_ohm
        returning += through
    return np.asarray((watts + (np.abs(returning) ** 2) @ lines.neutral_ohm) / 1000)


def transformer_losses_kw(percent: npt.ArrayLike, *, no_load_w: float, copper_w: float) -> Real:
    """The transformer's own, by its loading: for a meter on its medium-voltage side."""
    share = np.asarray(percent, dtype=np.float64) / 100
    return (no_load_w + copper_w * share**2) / 1000


def _filled(volts: Real, phase: npt.NDArray[np.int64]) -> Real:
    found = volts.copy()
    for connection in range(found.shape[1]):
        missing = np.isnan(found[:, connection])
        if not missing.any():
            continue
        neighbours = volts[missing][:, phase == phase[connection]]
        there = ~np.isnan(neighbours)
        count = there.sum(axis=1)
        mean = np.where(there, neighbours, 0.0).sum(axis=1) / np.maximum(count, 1)
        own = volts[~missing, connection].mean() if not missing.all() else np.nan
        found[missing, connection] = np.where(count > 0, mean, own)
    return found
