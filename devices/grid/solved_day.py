"""A feeder's day, solved and rounded to what meters show: 0.1 V, 1 W, 1 var.

Powers are whole watts and vars before anything is solved, so the sum of the customers is exact;
voltages and the head's powers are rounded once, here, and nothing is decided on unrounded ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.grid.customers import PERIOD_DAYS, Integers, day_of
from devices.grid.street import Street
from devices.grid.zbus import LoadNetwork, solve
from devices.meter.load import SLOTS_PER_DAY

Small = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class SolvedDay:
    """Quarter hours in rows; columns as the street's connections, the head's as its phases."""

    watts: Small  # 96 x n
    vars: Small
    voltage_dv: Small
    head_watts: Small  # 96 x 3
    head_vars: Small
    head_voltage_dv: Small
    losses_w: Small  # 96
    iterations: int


def drawn_on(
    seed: int, street: Street, day: int, *, utc_offset_min: int = 0
) -> tuple[Integers, Integers]:
    """Watts and vars of all connections of a street, 96 x n, with every customer connected."""
    days = [
        day_of(seed, each.meter, len(each.phases), day, utc_offset_min=utc_offset_min)
        for each in street.customers
    ]
    if not days:
        nothing = np.zeros((SLOTS_PER_DAY, 0), dtype=np.int64)
        return nothing, nothing
    return np.vstack([watts for watts, _ in days]).T, np.vstack([vars_ for _, vars_ in days]).T


def solved(network: LoadNetwork, watts: Integers, vars_: Integers) -> SolvedDay:
    """These powers' power flow.  Raises NotConverged."""
    found = solve(network, np.ascontiguousarray(watts + 1j * vars_))
    return SolvedDay(
        watts.astype(np.int32),
        vars_.astype(np.int32),
        _rounded(np.abs(found.voltage) * 10),
        _rounded(found.head_power.real),
        _rounded(found.head_power.imag),
        _rounded(np.abs(found.head_voltage) * 10),
        _rounded(found.losses_w),
        found.iterations,
    )


def _rounded(values: npt.NDArray[np.float64]) -> Small:
    return np.rint(values).astype(np.int32)


__all__ = ["PERIOD_DAYS", "SolvedDay", "drawn_on", "solved"]
