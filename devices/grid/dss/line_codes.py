"""LineCode, and what it shares with Line: impedances per length."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from devices.grid.dss.objects import DssObject, unit
from devices.grid.dss.values import Word
from devices.grid.line_constants import reduced
from devices.grid.primitives import phase_matrix
from devices.grid.zbus import Complex

NANO = 1e-9


@dataclass(slots=True)
class PerLength(DssObject):
    """What LineCode and Line share: matrices per unit of length, or sequence values for them."""

    phases: int = 3
    units: str = "none"
    r1: float = 0.058
    x1: float = 0.1206
    r0: float = 0.1784
    x0: float = 0.4047
    c1: float = 3.4
    c0: float = 1.6
    z: Complex | None = None  # None: of the sequence values
    c: Complex | None = None  # nanofarads
    rg: float = 0.01805
    xg: float = 0.155081
    rho: float = 100.0

    def _sequence(self, name: str, word: Word) -> None:
        setattr(self, name, word.number())
        self.z = self.c = None

    def _susceptance(self, name: str, word: Word) -> None:
        """Microsiemens per length, in place of nanofarads."""
        self._sequence(name, word)
        farad = word.number() * 1e-6 / (2 * math.pi * self.base_frequency)
        setattr(self, name, farad / NANO)

    def _matrices(self) -> tuple[Complex, Complex]:
        """Ohms and nanofarads."""
        z, c = self.z, self.c
        if z is None:
            z = phase_matrix(complex(self.r1, self.x1), complex(self.r0, self.x0), self.phases)
        if c is None:
            c = phase_matrix(complex(self.c1), complex(self.c0), self.phases)
        return z, c

    def _own_matrix(self, part: str, word: Word) -> None:
        z, c = self._matrices()
        matrix = word.matrix(self.phases, partial=part == "c")
        if part == "r":
            self.z, self.c = matrix + 1j * z.imag, c
        elif part == "x":
            self.z, self.c = z.real + 1j * matrix, c
        else:
            self.z, self.c = z, matrix.astype(np.complex128)


def _as_of_three(one: complex, zero: complex, phases: int) -> Complex:
    if phases == 1:
        return np.array([[(2 * one + zero) / 3]], dtype=np.complex128)
    return phase_matrix(one, zero, phases)


PER_LENGTH = {
    "r1": lambda s, w: s._sequence("r1", w),
    "x1": lambda s, w: s._sequence("x1", w),
    "r0": lambda s, w: s._sequence("r0", w),
    "x0": lambda s, w: s._sequence("x0", w),
    "c1": lambda s, w: s._sequence("c1", w),
    "c0": lambda s, w: s._sequence("c0", w),
    "b1": lambda s, w: s._susceptance("c1", w),
    "b0": lambda s, w: s._susceptance("c0", w),
    "rmatrix": lambda s, w: s._own_matrix("r", w),
    "xmatrix": lambda s, w: s._own_matrix("x", w),
    "cmatrix": lambda s, w: s._own_matrix("c", w),
    "rg": lambda s, w: setattr(s, "rg", w.number()),
    "xg": lambda s, w: setattr(s, "xg", w.number()),
    "rho": lambda s, w: setattr(s, "rho", w.number()),
}


@dataclass(slots=True)
class LineCode(PerLength):
    """Impedances per length under a name."""

    neutral: int = 3
    kind = "linecode"

    def _set_phases(self, word: Word) -> None:
        self.phases = self.neutral = word.count(1, 50)
        self.z = self.c = None

    def _own_matrix(self, part: str, word: Word) -> None:
        """What no matrix tells follows from sequence values, for a single phase as for one of
        three."""
        if self.z is None:
            self.z = _as_of_three(complex(self.r1, self.x1), complex(self.r0, self.x0), self.phases)
        if self.c is None:
            self.c = _as_of_three(complex(self.c1), complex(self.c0), self.phases)
        super(LineCode, self)._own_matrix(part, word)

    def _kron(self, word: Word) -> None:
        """Reduce the neutral out; it is the last conductor unless told."""
        if not word.flag():
            return
        z, c = self._matrices()
        order = [at for at in range(self.phases) if at != self.neutral - 1] + [self.neutral - 1]
        keep = self.phases - 1
        self.z = reduced(z[np.ix_(order, order)], keep)
        self.c = c[np.ix_(order, order)][:keep, :keep]
        self.phases = keep

    SETTERS = {
        **PER_LENGTH,
        "nphases": _set_phases,
        "units": lambda s, w: setattr(s, "units", unit(w.text)),
        "kron": _kron,
        "neutral": lambda s, w: setattr(s, "neutral", w.count(1, s.phases)),
    }
