"""What is analysed, and in which units: A, kW, kvar, V.

Systems differ in theirs (SIMOCE gives voltage in kV, meters give power in W).  Values are converted
here, when they come in, and nowhere else.
"""

from __future__ import annotations

import enum
import re
from typing import Final

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Flags = npt.NDArray[np.bool_]

PHASES: Final = "ABC"


class Quantity(enum.StrEnum):
    """What is measured of each phase; voltage is to neutral."""

    CURRENT = "current"
    ACTIVE_POWER = "active-power"
    REACTIVE_POWER = "reactive-power"
    VOLTAGE = "voltage"


QUANTITIES: Final = tuple(Quantity)
"""Their order along an array's axis."""

UNITS: Final = {
    Quantity.CURRENT: "A",
    Quantity.ACTIVE_POWER: "kW",
    Quantity.REACTIVE_POWER: "kvar",
    Quantity.VOLTAGE: "V",
}

OF_MEASUREMENT: Final = {
    "LineCurrent": Quantity.CURRENT,
    "ActivePower": Quantity.ACTIVE_POWER,
    "ReactivePower": Quantity.REACTIVE_POWER,
    "PhaseVoltage": Quantity.VOLTAGE,
}
"""By the measurementType of IEC 61970-301."""

_MULTIPLIERS = {"m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}
_UNIT = re.compile(r"([mkM]?)(A|W|VAr|V)", re.IGNORECASE)


def converted(values: npt.ArrayLike, quantity: Quantity, unit: str) -> Real:
    """Values told in `unit` ("kV", "W", "MVAr") in the quantity's own unit.

    Raises ValueError for a unit that is none of the quantity's.
    """
    ours, theirs = _parts(UNITS[quantity]), _parts(unit)
    if ours is None or theirs is None or ours[1] != theirs[1]:
        raise ValueError(f"{quantity} is measured in {UNITS[quantity]}, not in {unit!r}")
    return np.asarray(values, dtype=np.float64) * (theirs[0] / ours[0])


def _parts(unit: str) -> tuple[float, str] | None:
    """Multiplier and symbol; in symbols people differ about capitals (kvar, kVAr), in multipliers
    m and M are not the same."""
    found = _UNIT.fullmatch(unit)
    if found is None:
        return None
    multiplier, symbol = found.groups()
    multiplier = "k" if multiplier == "K" else multiplier
    return _MULTIPLIERS[multiplier], symbol.lower()
