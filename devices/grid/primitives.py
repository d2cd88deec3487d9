"""Primitive admittance matrices of elements: lines, transformers, shunts.

Siemens, conductor by conductor, the first terminal's conductors before the second's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from devices.grid.zbus import Complex

OPEN = complex(1e-12, 1e-12)
"""What an open conductor is left with."""


def phase_matrix(z1: complex, z0: complex, phases: int) -> Complex:
    """Of a line whose phases are alike, from its sequence values; a single phase has the first."""
    if phases == 1:
        z0 = z1
    matrix = np.full((phases, phases), (z0 - z1) / 3, dtype=np.complex128)
    np.fill_diagonal(matrix, (2 * z1 + z0) / 3)
    return matrix


def line(z: Complex, c_farad: Complex, frequency: float) -> Complex:
    """A pi section: series impedance in ohms, half of the capacitance at each end."""
    series = np.linalg.inv(z)
    shunt = 1j * math.pi * frequency * c_farad
    return np.block([[series + shunt, -series], [-series, series + shunt]])


def series(y: Complex) -> Complex:
    """An admittance from one terminal to the other."""
    return np.block([[y, -y], [-y, y]])


def delta(y: complex, phases: int) -> Complex:
    """Equal admittances between neighbours, around; two conductors have one between them."""
    conductors = 2 if phases == 1 else phases
    matrix = np.zeros((conductors, conductors), dtype=np.complex128)
    pairs = [(0, 1)] if conductors == 2 else [(i, (i + 1) % phases) for i in range(phases)]
    for i, j in pairs:
        matrix[i, i] += y
        matrix[j, j] += y
        matrix[i, j] -= y
        matrix[j, i] -= y
    return matrix


def opened(y: Complex, conductors: Sequence[int]) -> Complex:
    """The matrix with some conductors cut: they carry nothing, and the rest sees that."""
    found = y.copy()
    for k in conductors:
        if found[k, k]:
            found = found - np.outer(found[:, k], found[k, :]) / found[k, k]
        found[k, :] = 0
        found[:, k] = 0
        found[k, k] = OPEN
    return found


@dataclass(frozen=True, slots=True)
class Winding:
    """One winding of a transformer: volts across a coil, and what its neutral is tied by."""

    delta: bool
    volts: float  # rated, across one coil
    r_pu: float
    tap: float = 1.0
    r_neutral: float = -1.0  # ohms; below 0: open
    x_neutral: float = 0.0


@dataclass(frozen=True, slots=True)
class TransformerData:
    """Per-unit values on the rating of the first winding."""

    phases: int
    windings: tuple[Winding, ...]
    va: float
    reactances_pu: tuple[float, ...]  # 1-2, 1-3, ..., 2-3, ...
    no_load_loss_pu: float = 0.0
    magnetising_pu: float = 0.0
    antifloat: float = 1e-6
    high_leads: bool = False
    """Whether the low side of delta-wye leads instead of lagging (Euro instead of ANSI)."""


def transformer(data: TransformerData) -> Complex:
    """Conductors of each winding: its phases, and its neutral."""
    count = len(data.windings)
    per_coil = data.va / data.phases
    y_coil = per_coil * _one_volt(data)
    ratio = np.array([1 / (each.volts * each.tap) for each in data.windings])
    coils = np.zeros((2 * count, 2 * count), dtype=np.complex128)
    ends = np.zeros((2 * count, count))
    for w in range(count):
        ends[2 * w, w], ends[2 * w + 1, w] = ratio[w], -ratio[w]
    coils = ends @ y_coil @ ends.T
    width = data.phases + 1
    y = np.zeros((width * count, width * count), dtype=np.complex128)
    for phase in range(data.phases):
        at = [node for w in range(count) for node in _ends(data, w, phase, width)]
        for i, row in enumerate(at):
            for j, column in enumerate(at):
                y[row, column] += coils[i, j]
    for w, winding in enumerate(data.windings):
        _antifloat(y, data, w)
        if not winding.delta and winding.r_neutral >= 0:
            z = complex(winding.r_neutral, winding.x_neutral)
            y[w * width + data.phases, w * width + data.phases] += 1 / z if z else 1e6
    return y


def _antifloat(y: Complex, data: TransformerData, w: int) -> None:
    """A little to ground at both ends of a coil, that none floats; OpenDSS gives the neutral of a
    wye one end more than it has coils."""
    winding = data.windings[w]
    half = -0.5j * data.antifloat * data.va / data.phases / winding.volts**2
    width = data.phases + 1
    for phase in range(data.phases):
        for node in _ends(data, w, phase, width):
            y[node, node] += half
    if not winding.delta:
        y[w * width + data.phases, w * width + data.phases] += half


def _one_volt(data: TransformerData) -> Complex:
    """Of the windings as if each had one volt, by the short-circuit impedances of pairs."""
    count = len(data.windings)
    x = {}
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    for pair, value in zip(pairs, data.reactances_pu, strict=False):
        x[pair] = value
    zb = np.zeros((count - 1, count - 1), dtype=np.complex128)
    r = [each.r_pu for each in data.windings]
    for i in range(count - 1):
        zb[i, i] = complex(r[0] + r[i + 1], x[0, i + 1])
        for j in range(i):
            middle = (x[0, i + 1] + x[0, j + 1] - x[j + 1, i + 1]) / 2
            zb[i, j] = zb[j, i] = complex(r[0], middle)
    incidence = np.vstack([np.ones(count - 1), -np.eye(count - 1)])
    y: Complex = (incidence @ np.linalg.inv(zb) @ incidence.T).astype(np.complex128)
    y[1, 1] += complex(data.no_load_loss_pu, -data.magnetising_pu)
    return y


def _ends(data: TransformerData, w: int, phase: int, width: int) -> tuple[int, int]:
    """Where a coil's two ends are: phase and neutral, or two phases of a delta."""
    if not data.windings[w].delta:
        return w * width + phase, w * width + data.phases
    if data.phases == 1:
        return w * width, w * width + 1
    step = _delta_step(data)
    return w * width + phase, w * width + (phase + step) % data.phases


def _delta_step(data: TransformerData) -> int:
    """Which phase a delta's coil goes to next, so that the low side lags by a twelfth of a turn."""
    first, second = data.windings[0], data.windings[1]
    if first.delta == second.delta:
        return 1
    high_is_delta = first.delta if first.volts >= second.volts else second.delta
    step = -1 if high_is_delta else 1
    return -step if data.high_leads else step


def capacitor_susceptance(kvar: float, kv: float, phases: int, delta_connected: bool) -> float:
    """Of one phase or one side of the delta, siemens; `kv` is between phases for two or three."""
    volts = kv * 1000
    if phases > 1 and not delta_connected:
        volts /= math.sqrt(3)
    return kvar * 1000 / phases / volts**2
