"""LineCode and Line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from devices.grid.dss.conductors import EARTH_MODELS, LineGeometry, earth_model
from devices.grid.dss.objects import METRES, Bus, DssObject, conversion, looked_up, unit
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.line_constants import reduced
from devices.grid.primitives import line, phase_matrix
from devices.grid.zbus import Complex

NANO = 1e-9
CREATION_HZ = 60.0
"""OpenDSS takes the earth's reactance for its correction at this frequency, whatever the line's."""


@dataclass(slots=True)
class _PerLength(DssObject):
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
        matrix = word.matrix(self.phases)
        if part == "r":
            self.z, self.c = matrix + 1j * z.imag, c
        elif part == "x":
            self.z, self.c = z.real + 1j * matrix, c
        else:
            self.z, self.c = z, matrix.astype(np.complex128)


_OWN = {
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
class LineCode(_PerLength):
    """Impedances per length under a name."""

    neutral: int = 3
    kind = "linecode"

    def _set_phases(self, word: Word) -> None:
        self.phases = self.neutral = word.count(1, 50)
        self.z = self.c = None

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
        **_OWN,
        "nphases": _set_phases,
        "units": lambda s, w: setattr(s, "units", unit(w.text)),
        "kron": _kron,
        "neutral": lambda s, w: setattr(s, "neutral", w.count(1, s.phases)),
    }


@dataclass(slots=True)
class Line(_PerLength):
    """A line, a cable, or a switch."""

    bus1: Bus | None = None
    bus2: Bus | None = None
    length: float = 1.0
    scale: float = 1.0
    """From what matrices are per, to the line's own unit of length."""
    code_units: str | None = None
    sequence_told: bool = False
    shunt_told: bool = False
    geometry: LineGeometry | None = None
    earth: str = ""
    open_conductors: set[tuple[int, int]] = field(default_factory=set)
    kind = "line"

    def __post_init__(self) -> None:
        super(_PerLength, self).__post_init__()
        self.earth = self.defaults.earth_model

    def _sequence(self, name: str, word: Word) -> None:
        super(Line, self)._sequence(name, word)
        self._on_its_own()
        self.sequence_told = True
        self.shunt_told |= name in ("c1", "c0")

    def _own_matrix(self, part: str, word: Word) -> None:
        super(Line, self)._own_matrix(part, word)
        self._on_its_own()

    def _on_its_own(self) -> None:
        """Values told here are per the line's own unit."""
        self.code_units, self.scale, self.geometry, self.units = None, 1.0, None, "none"

    def _set_phases(self, word: Word) -> None:
        phases = word.count(1, 50)
        if phases == self.phases:
            return
        if self.geometry is not None or self.z is not None:
            raise BadNetwork(f"phases={phases}, but its matrices are of {self.phases}")
        self.phases = phases

    def _set_units(self, word: Word) -> None:
        after = unit(word.text)
        if self.code_units is not None:
            self.scale = conversion(self.code_units, after)
        else:
            self.scale *= conversion(self.units, after)
        if self.sequence_told and not self.shunt_told:
            # OpenDSS takes its default capacitances as those of a kilofoot, here and only here.
            times = conversion("kft", after)
            self.c1, self.c0, self.shunt_told = self.c1 * times, self.c0 * times, True
        self.units = after

    def _code(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        code: LineCode = looked_up(known, "linecode", word.text)
        self.geometry = None
        for name in ("r1", "x1", "r0", "x0", "c1", "c0", "rg", "xg", "rho", "base_frequency"):
            setattr(self, name, getattr(code, name))
        self.phases, self.code_units = code.phases, code.units
        self.sequence_told = False
        self.z, self.c = code._matrices()
        self.scale = conversion(code.units, self.units)

    def _switch(self, word: Word) -> None:
        if not word.flag():
            return
        self._on_its_own()
        self.r1 = self.x1 = self.r0 = self.x0 = self.c0 = 1.0
        self.c1, self.length = 1.1, 0.001
        self.z = self.c = None
        self.sequence_told, self.shunt_told = True, False

    def _geometry(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        self.geometry = looked_up(known, "linegeometry", word.text)
        self.phases, self.code_units = self.geometry.phases, None

    SETTERS = {
        **_OWN,
        "bus1": lambda s, w: setattr(s, "bus1", Bus.of(w.text)),
        "bus2": lambda s, w: setattr(s, "bus2", Bus.of(w.text)),
        "length": lambda s, w: setattr(s, "length", w.number()),
        "phases": _set_phases,
        "units": _set_units,
        "switch": _switch,
        "earthmodel": lambda s, w: setattr(s, "earth", earth_model(w.text)),
    }
    LINKED = {"linecode": _code, "geometry": _geometry}
    NEEDED = frozenset(("spacing", "wires", "cncables", "tscables"))

    @property
    def conductors(self) -> int:
        """Of each terminal."""
        geometry = self.geometry
        if geometry is None or geometry.reduce:
            return self.phases
        return len(geometry.positions)

    def matrix(self, frequency: float) -> Complex:
        """Its primitive admittances at the solution's frequency.  Raises BadNetwork."""
        if self.length <= 0:
            raise BadNetwork(f"a line of length {self.length:g}")
        if self.geometry is not None:
            metres = self.length * (METRES[self.units] or 1.0)
            model = EARTH_MODELS[self.earth[0]]
            z, c = self.geometry.constants(frequency, self.rho, model, reduce=self.geometry.reduce)
            return line(z * metres, c * metres, frequency)
        z, c = self._matrices()
        length = self.length * self.scale
        times = frequency / self.base_frequency
        if times != 1:
            known_at = self.base_frequency if self.code_units is not None else CREATION_HZ
            depth = math.log(658.5 * math.sqrt(self.rho / known_at))
            less = 0.5 * self.xg / depth * math.log(times)
            z = z.real + self.rg * (times - 1) + 1j * (z.imag - less) * times
        if np.linalg.cond(z) > 1e14:
            raise BadNetwork("its series impedances cannot be inverted")
        return line(z * length, c * NANO * length, frequency)
