"""Green, yellow and red, by configured bands; and the limits that others set."""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import QUANTITIES, Quantity, Real
from headend.config.analysis import AnalysisPolicy, Band, Bands

Codes = npt.NDArray[np.int8]


class Colour(enum.StrEnum):
    """Good, not good, bad; or not judged: it is not defined, or too little is known of it."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    UNKNOWN = "unknown"


COLOURS: Final = tuple(Colour)
_GREEN, _YELLOW, _RED, _UNKNOWN = range(4)
_DIGITS = 6
"""Percentages are compared as exactly as roll-ups keep them: 5 % is green, however summed."""


def band_of(bands: Bands, quantity: Quantity) -> Band:
    """A quantity's."""
    band: Band = getattr(bands, quantity.value.replace("-", "_"))
    return band


def floors(bands: Bands) -> Real:
    """Those of all quantities, in their order."""
    return np.array([band_of(bands, each).floor for each in QUANTITIES])


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Bands as numbers, (..., quantities)."""

    green_to: Real  # percent
    yellow_to: Real  # percent
    floor: Real  # A, kW, kvar, V

    @classmethod
    def of(cls, bands: Bands) -> Limits:
        of_all = [band_of(bands, each) for each in QUANTITIES]
        rows = np.array([(each.green_to, each.yellow_to, each.floor) for each in of_all])
        return cls(*rows.T)

    @classmethod
    def at(cls, policy: AnalysisPolicy, nominal_v: Sequence[float | None]) -> Limits:
        """Those of feeders (the first axis) with these voltages between phases."""
        levels = {each: place for place, each in enumerate(dict.fromkeys(nominal_v))}
        each_level = [cls.of(policy.bands_at(level)) for level in levels]
        places = np.array([levels[each] for each in nominal_v], dtype=np.intp)
        rows = np.array([(it.green_to, it.yellow_to, it.floor) for it in each_level])
        return cls(*rows.reshape(-1, 3, len(QUANTITIES)).swapaxes(0, 1)[:, places])


def classified(percent: npt.ArrayLike, enough: npt.ArrayLike, limits: Limits) -> Codes:
    """Places in COLOURS, of percentages (..., quantities); `enough` tells where so much is known
    that it may be judged."""
    found = np.round(np.asarray(percent, dtype=np.float64), _DIGITS)
    codes = np.where(
        found <= limits.green_to, _GREEN, np.where(found <= limits.yellow_to, _YELLOW, _RED)
    )
    codes = np.where(np.isnan(found) | ~np.asarray(enough, dtype=bool), _UNKNOWN, codes)
    return codes.astype(np.int8)


def colour(percent: float, band: Band, *, enough: bool = True) -> Colour:
    """One figure's."""
    if not enough or np.isnan(percent):
        return Colour.UNKNOWN
    found = round(percent, _DIGITS)
    if found <= band.green_to:
        return Colour.GREEN
    return Colour.YELLOW if found <= band.yellow_to else Colour.RED


def counted(codes: npt.ArrayLike) -> dict[Quantity, dict[Colour, int]]:
    """How many feeders are of which colour, of codes (feeders, quantities)."""
    given = np.asarray(codes).reshape(-1, len(QUANTITIES))
    return {
        quantity: {
            each: int(np.count_nonzero(given[:, place] == code))
            for code, each in enumerate(COLOURS)
        }
        for place, quantity in enumerate(QUANTITIES)
    }


ANSI_VOLTAGE_PERCENT: Final = 3.0
"""ANSI C84.1, without load."""

LOW_VOLTAGE_V: Final = 1000.0
_SHORT_CIRCUIT_RATIOS = (20, 50, 100, 1000)
_CURRENT_LOW = (5.0, 8.0, 12.0, 15.0, 20.0)
_CURRENT_MEDIUM = (2.5, 4.0, 6.0, 7.5, 10.0)


def cfe_voltage_percent(nominal_v: float) -> float:
    """CFE L0000-45: what 95 % of the samples of voltage unbalance may reach."""
    return 3.0 if nominal_v < LOW_VOLTAGE_V else 2.0


def cfe_current_percent(nominal_v: float, short_circuit_ratio: float) -> float:
    """CFE L0000-45: what 95 % of the samples of current unbalance may reach, by the short-circuit
    current in multiples of the load's.  Raises ValueError above 35 kV, which its table leaves out.
    """
    if nominal_v > 35_000:
        raise ValueError(f"the table ends at 35 kV, this is {nominal_v / 1000:g} kV")
    row = _CURRENT_LOW if nominal_v < LOW_VOLTAGE_V else _CURRENT_MEDIUM
    return row[bisect_right(_SHORT_CIRCUIT_RATIOS, short_circuit_ratio)]
