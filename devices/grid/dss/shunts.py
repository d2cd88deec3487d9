"""Capacitor and Reactor: at a bus, or between two."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from devices.grid.circuit import Circuit
from devices.grid.dss.objects import Bus, DssObject, number
from devices.grid.dss.transformers import is_delta
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.primitives import capacitor_susceptance, delta, phase_matrix, series
from devices.grid.zbus import Complex


@dataclass(slots=True)
class Capacitor(DssObject):
    """A shunt or series capacitor, with its steps switched as they are told."""

    bus1: Bus | None = None
    bus2: Bus | None = None
    phases: int = 3
    kvar: list[float] = field(default_factory=lambda: [1200.0])
    kv: float = 12.47
    delta: bool = False
    microfarads: list[float] | None = None
    matrix_uf: Complex | None = None
    steps: int = 1
    states: list[int] = field(default_factory=lambda: [1])
    r: list[float] = field(default_factory=list)
    xl: list[float] = field(default_factory=list)
    harmonics: list[float] = field(default_factory=list)
    """To which each step is tuned by a reactor in series; 0: it has none."""
    kind = "capacitor"

    def _set_kvar(self, word: Word) -> None:
        self.kvar, self.microfarads = word.vector()[: self.steps], None
        if not self.kvar:
            raise BadNetwork("kvar of nothing")

    def _set_steps(self, word: Word) -> None:
        self.steps = word.count(1, 100)
        if len(self.kvar) == 1:  # of the whole bank until now
            self.kvar = [self.kvar[0] / self.steps] * self.steps
        self.states = [1] * self.steps

    def _set_xl(self, word: Word) -> None:
        self.xl, self.harmonics = word.vector(), []

    SETTERS = {
        "bus1": lambda s, w: setattr(s, "bus1", Bus.of(w.text)),
        "bus2": lambda s, w: setattr(s, "bus2", Bus.of(w.text)),
        "phases": lambda s, w: setattr(s, "phases", w.count(1, 50)),
        "kvar": _set_kvar,
        "kv": number("kv"),
        "conn": lambda s, w: setattr(s, "delta", is_delta(w.text)),
        "cuf": lambda s, w: setattr(s, "microfarads", w.vector()[: s.steps]),
        "cmatrix": lambda s, w: setattr(s, "matrix_uf", w.matrix(s.phases).astype(complex)),
        "r": lambda s, w: setattr(s, "r", w.vector()),
        "xl": _set_xl,
        "harm": lambda s, w: setattr(s, "harmonics", w.vector()),
        "numsteps": _set_steps,
        "states": lambda s, w: setattr(s, "states", [int(each) for each in w.vector()]),
    }

    @property
    def switched(self) -> list[int]:
        """Of each step, whether it is closed."""
        return [int(bool(each)) for each in [*self.states, *([1] * self.steps)][: self.steps]]

    def build(self, circuit: Circuit) -> None:
        """Raises BadNetwork."""
        _shunt_or_series(circuit, self, self.admittance(circuit.frequency), self.delta)

    def primitive(self, frequency: float) -> Complex:
        """Its matrix with its steps as they are switched now."""
        y = self.admittance(frequency)
        return y if self.delta else series(y)

    def admittance(self, frequency: float) -> Complex:
        """Of its phases."""
        n, omega = self.phases, 2 * math.pi * frequency
        if self.matrix_uf is not None:
            y: Complex = 1j * omega * self.matrix_uf * 1e-6
            return y
        none: Complex = np.zeros((n, n), dtype=np.complex128)
        return sum((self._step(at, omega) for at, on in enumerate(self.switched) if on), none)

    def _step(self, at: int, omega: float) -> Complex:
        """One step with what is in series with it, in each phase: before the delta, if it is one.

        As OpenDSS has it: each step is as large as the first where they are told in kvar, and a
        reactance without a resistance has a thousandth of it.
        """
        base = 2 * math.pi * self.base_frequency
        if self.microfarads is not None:
            farads = self.microfarads[min(at, len(self.microfarads) - 1)] * 1e-6
        else:
            farads = capacitor_susceptance(self.kvar[0], self.kv, self.phases, self.delta) / base
        r, xl, harmonic = (
            values[at] if at < len(values) else 0.0 for values in (self.r, self.xl, self.harmonics)
        )
        if harmonic and farads:
            xl = 1 / (base * farads) / harmonic**2
        before = complex(r or xl / 1000, xl * omega / base)
        one = 1j * omega * farads
        eye = np.eye(self.phases, dtype=np.complex128)
        bare = delta(one, self.phases) if self.delta else one * eye
        found: Complex = bare @ np.linalg.inv(eye + before * bare) if before else bare
        return found


def _pair(word: Word) -> tuple[float, float]:
    pair = word.vector()
    if len(pair) != 2:
        raise BadNetwork(f"{word.name} takes resistance and reactance")
    return pair[0], pair[1]


@dataclass(slots=True)
class Reactor(DssObject):
    """A shunt or series reactor."""

    bus1: Bus | None = None
    bus2: Bus | None = None
    phases: int = 3
    kvar: float = 100.0
    kv: float = 12.47
    delta: bool = False
    r: float = 0.0
    x: float | None = None  # ohms; None: of kvar and kV
    rp: float = 0.0
    r_matrix: Complex | None = None
    x_matrix: Complex | None = None
    z1: complex | None = None
    z0: complex | None = None
    kind = "reactor"

    def _set_z(self, names: tuple[str, ...], word: Word) -> None:
        for name in names:
            setattr(self, name, complex(*_pair(word)))

    NEEDED = frozenset(("parallel", "z2", "rcurve", "lcurve"))

    def _set_series(self, word: Word) -> None:
        self.r, self.x = _pair(word)

    SETTERS = {
        "bus1": lambda s, w: setattr(s, "bus1", Bus.of(w.text)),
        "bus2": lambda s, w: setattr(s, "bus2", Bus.of(w.text)),
        "phases": lambda s, w: setattr(s, "phases", w.count(1, 50)),
        "kvar": number("kvar"),
        "kv": number("kv"),
        "conn": lambda s, w: setattr(s, "delta", is_delta(w.text)),
        "r": number("r"),
        "x": number("x"),
        "rp": number("rp"),
        "lmh": lambda s, w: setattr(s, "x", w.number() * 2e-3 * math.pi * s.base_frequency),
        "rmatrix": lambda s, w: setattr(s, "r_matrix", w.matrix(s.phases).astype(complex)),
        "xmatrix": lambda s, w: setattr(s, "x_matrix", w.matrix(s.phases).astype(complex)),
        "z1": lambda s, w: s._set_z(("z1",) if s.z0 is not None else ("z1", "z0"), w),
        "z0": lambda s, w: s._set_z(("z0",), w),
        "z": _set_series,
    }

    def build(self, circuit: Circuit) -> None:
        """Raises BadNetwork."""
        times = circuit.frequency / self.base_frequency
        _shunt_or_series(circuit, self, self._admittance(times), self.delta)

    def _admittance(self, times: float) -> Complex:
        """Of its phases, at so many times the base frequency."""
        n = self.phases
        y: Complex
        if self.z1 is not None and self.z0 is not None:
            z = phase_matrix(self.z1, self.z0, n)
            y = np.linalg.inv(z.real + 1j * z.imag * times).astype(np.complex128)
            return y
        if self.x_matrix is not None or self.r_matrix is not None:
            nothing = np.zeros((n, n), dtype=np.complex128)
            r = nothing if self.r_matrix is None else self.r_matrix
            x = nothing if self.x_matrix is None else self.x_matrix
            y = np.linalg.inv(r + 1j * x * times).astype(np.complex128)
            return y
        one = self._one(times)
        return delta(one, n) if self.delta else one * np.eye(n, dtype=np.complex128)

    def _one(self, times: float) -> complex:
        reactance = self.x
        if reactance is None:
            if not self.kvar:
                raise BadNetwork("a reactor without kvar or reactance")
            reactance = self.kv**2 * 1000 / self.kvar
            if self.delta and self.phases > 1:
                reactance *= self.phases
        z = complex(self.r, reactance * times)
        if not z:
            raise BadNetwork("a reactor without impedance")
        one = 1 / z
        return one + 1 / self.rp if self.rp else one


def _shunt_or_series(
    circuit: Circuit, each: Capacitor | Reactor, y: Complex, delta_connected: bool
) -> None:
    """Add it to the circuit: between its two buses, or to ground."""
    if each.bus1 is None:
        raise BadNetwork("it names no bus")
    n = each.phases
    if delta_connected:
        count = len(y)
        first = circuit.terminal(each.bus1.name, each.bus1.conductors(n, count))
        circuit.add(each.full_name, [first], y)
        return
    other = each.bus2 or Bus(each.bus1.name, (0,) * n)
    circuit.add(
        each.full_name,
        [
            circuit.terminal(each.bus1.name, each.bus1.conductors(n, n)),
            circuit.terminal(other.name, other.conductors(n, n)),
        ],
        series(y),
    )
