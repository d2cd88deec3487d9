"""Series impedance and capacitance of lines from their conductors.

Earth return by Deri's complex depth (Deri, Tevan, Semlyen, Castanheira, IEEE PAS-100, 1981), by
Carson's series (BSTJ 5, 1926) or by its first terms, as OpenDSS's `EarthModel` names them; inner
impedance of round wires by Bessel functions in Deri's model.  Lengths in metres, results per
metre.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from devices.grid.zbus import Complex, Real

EarthModel = Literal["deri", "carson", "fullcarson"]

MU0 = 12.56637e-7
"""In OpenDSS's digits."""
E0 = 8.854e-12
POWER_HZ = (40.0, 1000.0)
"""Between these the published geometric mean radius is used, as it is measured there."""


@dataclass(frozen=True, slots=True)
class Conductor:
    """One conductor at its place."""

    x: float
    h: float
    r_dc: float
    r_ac: float
    gmr: float
    radius: float
    cap_radius: float


@dataclass(frozen=True, slots=True)
class Screen:
    """A conductor around another one: a concentric neutral of `strands`, or a tape (none)."""

    r: float  # ohms per metre
    gmr: float
    radius: float
    strands: int
    capacitance: float
    """Between core and screen, farads per metre."""

    def apart(self, distance: float) -> float:
        """Its mean distance from a conductor outside that is so far from its core."""
        k = self.strands
        if not k:
            return distance
        return float((distance**k - self.radius**k) ** (1 / k))


def impedance(
    conductors: Sequence[Conductor],
    frequency: float,
    rho: float,
    model: EarthModel,
    screens: Mapping[int, Screen] = MappingProxyType({}),
) -> Complex:
    """Ohms per metre, conductors by conductors; screens, by their core's number, come last."""
    count = len(conductors)
    factor = 1j * 2 * math.pi * frequency * MU0 / (2 * math.pi)
    z = np.zeros((count + len(screens),) * 2, dtype=np.complex128)
    for row, (core, screen) in enumerate(screens.items(), count):
        one = conductors[core]
        own = earth_return(one, one, frequency, rho, model, own=True)
        z[row, row] = screen.r + factor * math.log(1 / screen.gmr) + own
        for j, other in enumerate(conductors):
            if j == core:
                between = factor * math.log(1 / screen.radius) + own
            else:
                apart = screen.apart(math.hypot(one.x - other.x, one.h - other.h))
                between = factor * math.log(1 / apart)
                between += earth_return(one, other, frequency, rho, model)
            z[row, j] = z[j, row] = between
        for column, far in enumerate(list(screens)[: row - count], count):
            other = conductors[far]
            apart = math.hypot(one.x - other.x, one.h - other.h)
            between = factor * math.log(1 / apart)
            between += earth_return(one, other, frequency, rho, model)
            z[row, column] = z[column, row] = between
    for i, one in enumerate(conductors):
        inner = inner_impedance(one, frequency, model)
        if POWER_HZ[0] < frequency < POWER_HZ[1]:
            spacing = factor * math.log(1 / one.gmr)
            inner = complex(inner.real)
        else:
            spacing = factor * math.log(1 / one.radius)
        z[i, i] = inner + spacing + earth_return(one, one, frequency, rho, model, own=True)
        for j in range(i):
            other = conductors[j]
            apart = math.hypot(one.x - other.x, one.h - other.h)
            z[i, j] = factor * math.log(1 / apart)
            z[i, j] += earth_return(one, other, frequency, rho, model)
            z[j, i] = z[i, j]
    return z


def inner_impedance(one: Conductor, frequency: float, model: EarthModel) -> complex:
    """Of a round wire."""
    omega = 2 * math.pi * frequency
    if model != "deri":
        return complex(one.r_ac, omega * MU0 / (8 * math.pi))
    turn = 1 + 1j
    alpha = turn * math.sqrt(frequency * MU0 / one.r_dc)
    ratio = 1 + 0j if abs(alpha) > 35 else _bessel(0, alpha) / _bessel(1, alpha)
    return turn * ratio * math.sqrt(one.r_dc * frequency * MU0) / 2


def _bessel(order: int, x: complex) -> complex:
    """Modified Bessel function of the first kind, by its series."""
    term = (x / 2) ** order
    total, k = term, 0
    while abs(term) > 1e-18 * abs(total):
        k += 1
        term = term * (x * x / 4) / (k * (k + order))
        total += term
    return total


def earth_return(
    one: Conductor,
    other: Conductor,
    frequency: float,
    rho: float,
    model: EarthModel,
    *,
    own: bool = False,
) -> complex:
    """What the return through the earth adds, ohms per metre."""
    omega = 2 * math.pi * frequency
    h1, h2 = abs(one.h), abs(other.h)
    if model == "carson":
        return complex(
            omega * MU0 / 8,
            omega * MU0 / (2 * math.pi) * math.log(658.5 * math.sqrt(rho / frequency)),
        )
    if model == "deri":
        factor = 1j * omega * MU0 / (2 * math.pi)
        depth = 1 / cmath.sqrt(1j * omega * MU0 / rho)
        if own:
            return factor * cmath.log(2 * (h1 + depth))
        return factor * cmath.log(cmath.sqrt((h1 + h2 + 2 * depth) ** 2 + (one.x - other.x) ** 2))
    return _carson(one, other, omega, frequency, rho, own)


def _carson(
    one: Conductor, other: Conductor, omega: float, frequency: float, rho: float, own: bool
) -> complex:
    h1, h2 = abs(one.h), abs(other.h)
    if own:
        theta, mirrored = 0.0, 2 * h1
    else:
        mirrored = math.hypot(h1 + h2, one.x - other.x)
        theta = math.acos((h1 + h2) / mirrored)
    m = 2.8099e-3 * mirrored * math.sqrt(frequency / rho)
    r = math.pi / 8 - m * math.cos(theta) / (3 * math.sqrt(2))
    r += m**2 / 16 * math.cos(2 * theta) * (0.6728 + math.log(2 / m))
    r += m**2 / 16 * theta * math.sin(2 * theta)
    x = 2 * (-0.0386 + 0.5 * math.log(2 / m) + m * math.cos(theta) / (3 * math.sqrt(2)))
    return complex(
        omega * MU0 / math.pi * r,
        omega * MU0 / (2 * math.pi) * (x + math.log(mirrored)),
    )


def capacitance(conductors: Sequence[Conductor]) -> Real:
    """Maxwell's matrix over the earth as a mirror, farads per metre."""
    count = len(conductors)
    potential = np.zeros((count, count))
    factor = 1 / (2 * math.pi * E0)
    for i, one in enumerate(conductors):
        potential[i, i] = factor * math.log(2 * abs(one.h) / one.cap_radius)
        for j in range(i):
            other = conductors[j]
            apart = math.hypot(one.x - other.x, one.h - other.h)
            mirrored = math.hypot(one.x - other.x, one.h + other.h)
            potential[i, j] = potential[j, i] = factor * math.log(mirrored / apart)
    return potential


def reduced(matrix: Complex | Real, keep: int) -> Complex:
    """Kron's reduction: the conductors after the first `keep` are grounded all along."""
    matrix = np.asarray(matrix, dtype=np.complex128)
    if keep >= len(matrix):
        return matrix
    inner = np.linalg.solve(matrix[keep:, keep:], matrix[keep:, :keep])
    found: Complex = matrix[:keep, :keep] - matrix[:keep, keep:] @ inner
    return found
