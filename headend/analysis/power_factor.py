"""Power factor of a window, and the capacitors that would mend it.

A window's power factor is that of its average powers, never an average of power factors.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import Real

TARGET: Final = 0.96
"""What the paper's dashboard asks for."""


def power_factor(kw: npt.ArrayLike, kvar: npt.ArrayLike) -> Real:
    """P / sqrt(P^2 + Q^2) of the averages; below 0 where energy flows back, NaN without power."""
    active = np.asarray(kw, dtype=np.float64)
    apparent = np.hypot(active, np.asarray(kvar, dtype=np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(apparent > 0, active / apparent, np.nan)


def capacitors_kvar(kw: npt.ArrayLike, kvar: npt.ArrayLike, *, target: float = TARGET) -> Real:
    """Capacitors that bring these average powers to the target: P (tan acos PF - tan acos target).

    0 where the target is reached, and where the current leads: capacitors would make that worse.
    Power that flows back counts by its amount.  NaN where a power is missing.
    """
    if not 0 < target <= 1:
        raise ValueError(f"a power factor of {target}")
    active = np.abs(np.asarray(kw, dtype=np.float64))
    reactive = np.asarray(kvar, dtype=np.float64)
    # P tan(acos PF) is Q itself, and stays defined where P is 0.
    return np.maximum(reactive - active * math.tan(math.acos(target)), 0.0)
