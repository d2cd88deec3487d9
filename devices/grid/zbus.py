"""Power flow of a feeder by its impedance matrix, for many time steps at once.

Seen from its loads a linear network with a stiff source is V = V0 - Z I: the voltages without load,
less what the loads' currents drop on the impedances.  With constant power, I = conj(S / V), and the
fixed point of that is the solution (Z-bus Gauss method; it contracts while the drop is well below
the voltage, which is where a feeder can be run).  Z is made once for a topology.

Voltages are volts to neutral, powers volt-amperes drawn; below 0 is fed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.grid.errors import NotConverged

Complex = npt.NDArray[np.complex128]
Real = npt.NDArray[np.float64]

TOLERANCE_PU = 1e-9
ITERATIONS_MAX = 60
"""A loading that can be carried well takes 4 to 8; near the point of collapse it takes tens."""

STEPS_AT_ONCE = 512
"""Keeps the arrays of a long batch inside the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadNetwork:
    """A feeder as its loads see it: one row for each connection of one phase to neutral."""

    names: tuple[str, ...]
    z: Complex
    """Ohms, n x n, from the stiff source on."""
    v0: Complex
    """Volts, n: without any load."""
    phase: npt.NDArray[np.intp]
    """Phase of each connection at the head: 0, 1, 2."""
    z_head: Complex
    """Ohms, 3 x n: what the loads' currents drop before the head, by its phases."""
    v0_head: Complex
    """Volts, 3."""


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """Time steps in rows."""

    voltage: Complex  # T x n, volts
    current: Complex  # T x n, amperes into the loads
    head_voltage: Complex  # T x 3
    head_power: Complex  # T x 3, volt-amperes that leave the head
    losses_w: Real  # T: in the cables behind the head, from currents and resistances
    iterations: int


def solve(
    network: LoadNetwork,
    power: Complex,
    *,
    tolerance_pu: float = TOLERANCE_PU,
    iterations_max: int = ITERATIONS_MAX,
) -> Solved:
    """The voltages with these powers drawn, T x n.  Raises NotConverged, naming the worst node."""
    steps = power.shape[0]
    parts = [
        _voltages(
            network, power[first : first + STEPS_AT_ONCE], first, tolerance_pu, iterations_max
        )
        for first in range(0, steps, STEPS_AT_ONCE)
    ]
    voltage = np.concatenate([part[0] for part in parts]) if parts else np.empty_like(power)
    current = np.conj(power / voltage)
    by_phase = np.zeros((len(network.names), 3))
    by_phase[np.arange(len(network.names)), network.phase] = 1.0
    head_current = current @ by_phase
    head_voltage = network.v0_head - current @ network.z_head.T
    resistance = (network.z - network.z_head[network.phase]).real
    losses = (current.conj() * (current @ resistance)).sum(axis=1).real
    return Solved(
        voltage,
        current,
        head_voltage,
        head_voltage * np.conj(head_current),
        losses,
        max((part[1] for part in parts), default=0),
    )


def _voltages(
    network: LoadNetwork, power: Complex, first: int, tolerance_pu: float, iterations_max: int
) -> tuple[Complex, int]:
    drawn, v0 = np.conj(power), network.v0
    z = np.ascontiguousarray(network.z.T)
    limit = (np.abs(v0) * tolerance_pu) ** 2
    voltage = np.broadcast_to(v0, power.shape).copy()
    change = np.zeros(power.shape)
    with np.errstate(all="ignore"):  # a loading that collapses is told below, by its node
        for iteration in range(1, iterations_max + 1):
            current = drawn * voltage  # S* / V*, without a division of complex numbers
            current /= _squared(voltage)
            after = current @ z
            np.subtract(v0, after, out=after)
            np.subtract(after, voltage, out=voltage)
            change = _squared(voltage)
            voltage = after
            if (change < limit).all():
                return voltage, iteration
    relative = np.nan_to_num(np.sqrt(change) / np.abs(v0), nan=np.inf)
    step, node = divmod(int(relative.argmax()), len(network.names))
    raise NotConverged(
        network.names[node], iterations_max, float(relative[step, node]), first + step
    )


def _squared(values: Complex) -> Real:
    found: Real = values.real**2 + values.imag**2
    return found
