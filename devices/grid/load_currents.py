"""The current into each load at a voltage, for all legs at once.

The models and what happens outside the band of voltage are OpenDSS's; results agree with it
wherever the tests compare.  A ZIP load is three loads of one leg: impedance, current and power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from devices.grid.circuit import Leg
from devices.grid.zbus import Complex, Real

CUT_STEEPNESS = 500.0
"""How sharply a ZIP load lets go at its cut-off voltage."""

_NO_VOLTAGE = 1e-6  # per unit: what no source feeds

Places = npt.NDArray[np.intp]


class LoadCurrents:
    """The legs of a circuit as arrays."""

    def __init__(self, legs: Sequence[Leg]):
        self.ends: Places = np.array([leg.ends for leg in legs], dtype=np.intp).reshape(-1, 2)
        parts = [(at, part) for at, leg in enumerate(legs) for part in _parts(leg)]
        self._owner: Places = np.array([at for at, _ in parts], dtype=np.intp)
        found = [part for _, part in parts]
        self._power: Complex = np.array(
            [complex(part.watts, part.vars) for part in found], dtype=np.complex128
        )
        self._volts: Real = np.array([part.volts for part in found])
        self._y: Complex = (np.conj(self._power) / self._volts**2).astype(np.complex128)
        self.y: Complex = np.zeros(len(legs), dtype=np.complex128)
        """Of each leg as an impedance that takes its rated power at its rated voltage."""
        np.add.at(self.y, self._owner, self._y)
        models = np.array([part.model for part in found])
        self._of_model = {
            model: np.flatnonzero(models == model) for model in sorted(set(models.tolist()))
        }
        low, high, lowest = (
            np.array([getattr(part, name) for part in found]) for name in ("low", "high", "lowest")
        )
        fixed: Real = np.array([part.fixed_vars for part in found])
        self._fixed = fixed
        self._low, self._high, self._lowest = (share * self._volts for share in (low, high, lowest))
        self._banded = models != 2
        # A constant current keeps its size at the edges of the band, the others their power.
        steady = models == 5
        low = np.where(low > 0, low, 1.0)  # a band without a lower end is never left below
        self._y_low: Complex = self._y / np.where(steady, low, low**2)
        self._y_high: Complex = self._y / np.where(steady, high, high**2)
        self._no_slope = np.isin(models, (6, 7))
        for y in (self._y_low, self._y_high):
            y[self._no_slope] = (y.real - 1j * fixed / self._volts**2)[self._no_slope]
        self._exponents: Real = np.array([part.exponents for part in found]).reshape(-1, 2)
        self._cut: Real = np.array([leg.zip[6] if leg.model == 8 else 0.0 for leg in legs])
        self._rated: Real = np.array([leg.volts for leg in legs])
        self._leg_lowest: Real = np.array([leg.lowest for leg in legs])

    def feed_vars(self, legs: Sequence[int], fed: float) -> None:
        """Let some legs of constant power feed so many vars each."""
        at = np.isin(self._owner, legs)
        self._power[at] = self._power[at].real - 1j * fed

    def voltages(self, v: Complex) -> Complex:
        """Across each leg; `v` has one entry more than there are nodes, and that is ground's 0."""
        found: Complex = v[self.ends[:, 0]] - v[self.ends[:, 1]]
        return found

    def currents(self, across: Complex) -> Complex:
        """Into each leg at its first end."""
        v = across[self._owner]
        size = np.abs(v)
        safe, some = np.where(size > 0, v, 1.0), np.where(size > 0, size, 1.0)
        found = np.zeros_like(v)
        for model, at in self._of_model.items():
            found[at] = self._inside(model, at, safe[at], some[at])
        low = self._banded & (size <= self._low)
        lowest = self._banded & (size <= self._lowest)
        high = self._banded & (size > self._high)
        found[low] = (self._below(some) * v)[low]
        found[lowest] = (self._y * v)[lowest]
        found[high] = (self._y_high * v)[high]
        total = np.zeros_like(across)
        np.add.at(total, self._owner, found)
        share = np.abs(across) / self._rated
        fall = 0.5 * (1 + np.tanh(CUT_STEEPNESS * (share - self._cut)))
        after: Complex = np.where((self._cut > 0) & (share > self._leg_lowest), total * fall, total)
        return after

    def _below(self, size: Real) -> Complex:
        """An admittance on the straight line of currents from the lowest to the low voltage."""
        at_lowest, at_low = self._y * self._lowest, self._y_low * self._low
        span = np.where(self._low > self._lowest, self._low - self._lowest, 1.0)
        sloped = (at_lowest + (at_low - at_lowest) * (size - self._lowest) / span) / size
        found: Complex = np.where(self._no_slope, self._y_low, sloped)
        return found

    def _inside(self, model: int, at: Places, v: Complex, size: Real) -> Complex:
        power, y, ratio = self._power[at], self._y[at], size / self._volts[at]
        fixed: Complex = self._fixed[at].astype(np.complex128)
        found: Complex
        if model == 1:
            found = np.conj(power / v)
        elif model == 2:
            found = y * v
        elif model == 3:
            found = power.real / np.conj(v) + 1j * y.imag * v
        elif model == 4:
            watts, vars_ = self._exponents[at].T
            found = np.conj((power.real * ratio**watts + 1j * power.imag * ratio**vars_) / v)
        elif model == 5:
            found = (np.conj(power / v) * ratio).astype(np.complex128)
        elif model == 6:
            found = np.conj((power.real + 1j * fixed) / v)
        else:
            susceptance = -1j * fixed / self._volts[at] ** 2
            found = (power.real / np.conj(v) + susceptance * v).astype(np.complex128)
        return found


def outside_band(legs: Sequence[Leg], voltage: Complex) -> list[tuple[Leg, float]]:
    """The legs under voltage that draw as impedances, their model holding no more, each with its
    voltage as a share of the rated one."""
    v = np.append(voltage, 0)
    found = []
    for leg in legs:
        share = float(abs(v[leg.ends[0]] - v[leg.ends[1]])) / leg.volts
        banded = leg.model != 2 and (leg.watts or leg.vars) and leg.low > 0
        if banded and share > _NO_VOLTAGE and not leg.low <= share <= leg.high:
            found.append((leg, share))
    return found


def _parts(leg: Leg) -> list[Leg]:
    """The leg itself; of a ZIP load its impedance, its current and its power."""
    if leg.model != 8:
        return [leg]
    return [
        replace(leg, model=model, watts=leg.watts * leg.zip[at], vars=leg.vars * leg.zip[3 + at])
        for at, model in enumerate((2, 5, 1))
    ]
