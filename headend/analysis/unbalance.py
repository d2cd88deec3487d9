"""Unbalance of three phases, by each definition in use.

All answers are in percent.  They are NaN, "not defined", where a phase is missing or the
denominator says nothing.  Phase-to-phase and phase-to-neutral voltages give different numbers, and
no two definitions agree away from balance: whoever shows a figure says which one it is
(`Formula`).

Sources: IEEE and NEMA ratios as compared by Pillay and Manyage, "Definitions of voltage unbalance"
(IEEE Power Engineering Review, 2001); sequence components as in IEC 61000-4-30; the form from three
magnitudes is CIGRE's.
"""

from __future__ import annotations

import cmath
import enum
import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import Complex, Real


class Formula(enum.StrEnum):
    """How a figure was computed, and of what."""

    MAX_DEVIATION = "max-deviation"  # magnitudes of I, P, Q or V: the dashboard's
    PVUR = "pvur"  # phase-to-neutral magnitudes: IEEE
    LVUR = "lvur"  # phase-to-phase magnitudes: NEMA MG-1
    VUF = "vuf"  # voltage phasors: IEC, negative by positive sequence
    CIGRE = "cigre"  # phase-to-phase magnitudes: VUF without angles
    U0 = "u0"  # phase-to-neutral phasors: zero by positive sequence
    CUF = "cuf"  # current phasors: negative by positive sequence


class Deviation(NamedTuple):
    """The largest deviation from the mean of three phases: `percent` of the mean amount, and
    `magnitude` in the unit of the values."""

    percent: Real
    magnitude: Real


class Sequences(NamedTuple):
    """Symmetrical components of phase A, complex."""

    zero: Complex
    positive: Complex
    negative: Complex


_A: Final = cmath.rect(1.0, 2 * math.pi / 3)
_ROUNDING: Final = 1e-12
"""Of three magnitudes that are alike but for the last digit, beta is a third but for as much."""


def max_deviation(values: npt.ArrayLike, *, floor: npt.ArrayLike = 0.0) -> Deviation:
    """max |x - mean| over phases (last axis), by the mean amount.

    Signs are kept: of +4, +4 and -4 kW the mean is 1.33 kW, and the deviation 5.33 kW is 133 % of
    the mean amount, 4 kW.  The percentage is not defined where the mean amount does not exceed
    `floor`, in the unit of the values (one, or one for each three phases); the magnitude is.
    """
    a, b, c = _phases(values)
    mean = (a + b + c) / 3
    magnitude = np.maximum(np.maximum(np.abs(a - mean), np.abs(b - mean)), np.abs(c - mean))
    amount = (np.abs(a) + np.abs(b) + np.abs(c)) / 3
    return Deviation(_percent(magnitude, amount, floor), magnitude)


def pvur(volts_to_neutral: npt.ArrayLike, *, floor: float = 0.0) -> Real:
    """Phase voltage unbalance ratio (IEEE), of phase-to-neutral magnitudes."""
    return max_deviation(volts_to_neutral, floor=floor).percent


def lvur(volts_between: npt.ArrayLike, *, floor: float = 0.0) -> Real:
    """Line voltage unbalance ratio (NEMA MG-1), of phase-to-phase magnitudes AB, BC, CA."""
    return max_deviation(volts_between, floor=floor).percent


def sequences(phasors: npt.ArrayLike) -> Sequences:
    """Symmetrical components of three phasors (last axis)."""
    a, b, c = np.moveaxis(np.asarray(phasors, dtype=np.complex128), -1, 0)
    return Sequences((a + b + c) / 3, (a + _A * b + _A**2 * c) / 3, (a + _A**2 * b + _A * c) / 3)


def vuf(voltages: npt.ArrayLike, *, floor: float = 0.0) -> Real:
    """Voltage unbalance factor (IEC): negative by positive sequence, of three phasors, all to
    neutral or all between phases."""
    found = sequences(voltages)
    return _percent(np.abs(found.negative), np.abs(found.positive), floor)


def u0(voltages_to_neutral: npt.ArrayLike, *, floor: float = 0.0) -> Real:
    """Zero by positive sequence (IEC 61000-4-30), of three phasors to neutral."""
    found = sequences(voltages_to_neutral)
    return _percent(np.abs(found.zero), np.abs(found.positive), floor)


def cuf(currents: npt.ArrayLike, *, floor: float = 0.0) -> Real:
    """Current unbalance factor: negative by positive sequence, of three phasors."""
    return vuf(currents, floor=floor)


def cigre(volts_between: npt.ArrayLike) -> Real:
    """VUF of three phase-to-phase magnitudes, which close to a triangle; not defined of any that do
    not, and of three zeros."""
    squares = [each**2 for each in _phases(volts_between)]
    total = sum(squares)
    with np.errstate(invalid="ignore", divide="ignore"):
        beta = sum(each**2 for each in squares) / np.asarray(total) ** 2
        under = 3 - 6 * beta
        under = np.where((under > 1) & (under < 1 + _ROUNDING), 1.0, under)
        root = np.sqrt(under)
        found = 100 * np.sqrt((1 - root) / (1 + root))
    return np.asarray(found, dtype=np.float64)


def phasors(magnitudes: npt.ArrayLike, angles_deg: npt.ArrayLike) -> Complex:
    """From magnitudes and angles in degrees, A at 0 and B at -120 where they are balanced."""
    radians = np.deg2rad(np.asarray(angles_deg, dtype=np.float64))
    return np.asarray(magnitudes, dtype=np.complex128) * np.exp(1j * radians)


def current_phasors(kw: npt.ArrayLike, kvar: npt.ArrayLike, volts: npt.ArrayLike) -> Complex:
    """Amperes of three phases from their powers and voltages to neutral.

    Meters tell no angles: the voltages are taken to be a third of a turn apart, which in a feeder
    within the limits they are to a degree or two.
    """
    turns = np.array([1, _A**2, _A])
    power = np.asarray(kw, dtype=np.float64) + 1j * np.asarray(kvar, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.conj(1000 * power / (np.asarray(volts, dtype=np.float64) * turns)))


def neutral_current(currents: npt.ArrayLike) -> Real:
    """Amperes that return by the neutral: three times the zero sequence."""
    return np.abs(3 * sequences(currents).zero)


def _phases(values: npt.ArrayLike) -> tuple[Real, Real, Real]:
    a, b, c = np.moveaxis(np.asarray(values, dtype=np.float64), -1, 0)
    return a, b, c


def _percent(part: Real, whole: Real, floor: npt.ArrayLike) -> Real:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > np.asarray(floor, dtype=np.float64), 100 * part / whole, np.nan)
