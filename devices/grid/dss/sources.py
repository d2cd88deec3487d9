"""Vsource: a voltage behind the impedance of a short-circuit power."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from devices.grid.circuit import Circuit, Source
from devices.grid.dss.objects import Bus, DssObject, Setter, number
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.primitives import phase_matrix, series
from devices.grid.zbus import Complex


def _part_of_z(part: str, index: str) -> Setter:
    return lambda s, w: s._set_z(f"z{index}", w, part=part)


def _whole_z(name: str, prefix: str) -> Setter:
    return lambda s, w: s._set_z(name, w, per_unit=bool(prefix))


@dataclass(slots=True)
class Vsource(DssObject):
    """A voltage behind the impedance of a short-circuit power."""

    bus1: Bus = field(default_factory=lambda: Bus("sourcebus"))
    bus2: Bus | None = None
    phases: int = 3
    kv: float = 115.0
    pu: float = 1.0
    angle: float = 0.0
    mva3: float = 2000.0
    mva1: float = 2100.0
    x1r1: float = 4.0
    x0r0: float = 3.0
    isc3: float = 10000.0
    isc1: float = 10500.0
    base_mva: float = 100.0
    told: str = "mva"
    """What the impedance follows from: mva, isc or z."""
    z1: complex = complex(1.65, 6.6)
    z0: complex = complex(1.9, 5.7)
    z2: complex | None = None
    sequence: str = "pos"
    scan: str = "pos"
    per_unit: set[str] = field(default_factory=set)
    kind = "vsource"

    def _set(self, name: str, told: str, word: Word) -> None:
        setattr(self, name, word.number())
        self.told = told

    def _set_z(self, name: str, word: Word, *, part: str = "", per_unit: bool = False) -> None:
        self.told = "z"
        before = getattr(self, name) or 0j
        if part:
            value = word.number()
            after = complex(value, before.imag) if part == "r" else complex(before.real, value)
        else:
            pair = word.vector()
            if len(pair) != 2:
                raise BadNetwork(f"{word.name} takes resistance and reactance")
            after = complex(*pair)
        setattr(self, name, after)
        (self.per_unit.add if per_unit else self.per_unit.discard)(name)

    SETTERS = {
        "bus1": lambda s, w: setattr(s, "bus1", Bus.of(w.text)),
        "bus2": lambda s, w: setattr(s, "bus2", Bus.of(w.text)),
        "basekv": number("kv"),
        "pu": number("pu"),
        "angle": number("angle"),
        "phases": lambda s, w: setattr(s, "phases", w.count(1, 50)),
        "mvasc3": lambda s, w: s._set("mva3", "mva", w),
        "mvasc1": lambda s, w: s._set("mva1", "mva", w),
        "isc3": lambda s, w: s._set("isc3", "isc", w),
        "isc1": lambda s, w: s._set("isc1", "isc", w),
        "x1r1": number("x1r1"),
        "x0r0": number("x0r0"),
        "basemva": number("base_mva"),
        **{f"{part}{index}": _part_of_z(part, index) for part in "rx" for index in "10"},
        **{
            f"{prefix}{name}": _whole_z(name, prefix)
            for name in ("z1", "z0", "z2")
            for prefix in ("", "pu")
        },
        "sequence": lambda s, w: setattr(s, "sequence", w.text.lower()),
    }
    HARMLESS = frozenset("frequency scantype yearly daily duty model puzideal".split())

    def impedances(self) -> tuple[complex, complex, complex]:
        """Positive, negative and zero sequence in ohms.  Raises BadNetwork."""
        if self.told == "z":
            base = self.kv**2 / self.base_mva
            z1, z0 = (
                getattr(self, name) * (base if name in self.per_unit else 1)
                for name in ("z1", "z0")
            )
            z2 = z1 if self.z2 is None else self.z2 * (base if "z2" in self.per_unit else 1)
            return z1, z2, z0
        factor = math.sqrt(3) if self.phases == 3 else 1.0
        if self.told == "mva":
            isc1 = self.mva1 * 1000 / (factor * self.kv)
            x1 = self.kv**2 / self.mva3 / math.sqrt(1 + 1 / self.x1r1**2)
        else:
            isc1 = self.isc1
            x1 = self.kv * 1000 / factor / self.isc3 / math.sqrt(1 + 1 / self.x1r1**2)
        z1 = complex(x1 / self.x1r1, x1)
        a = 1 + self.x0r0**2
        b = 4 * (z1.real + z1.imag * self.x0r0)
        c = 4 * abs(z1) ** 2 - (3 * self.kv * 1000 / factor / isc1) ** 2
        if b * b < 4 * a * c:
            raise BadNetwork("no zero-sequence impedance gives this short-circuit current")
        r0 = (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)
        return z1, z1, complex(r0, r0 * self.x0r0)

    def build(self, circuit: Circuit) -> Source:
        """Raises BadNetwork."""
        z1, z2, z0 = self.impedances()
        n = self.phases
        if n == 3 and z2 != z1:
            turn = complex(-0.5, math.sqrt(3) / 2)
            a = np.array([[1, 1, 1], [1, turn**2, turn], [1, turn, turn**2]])
            z: Complex = a @ np.diag([z0, z1, z2]) @ np.linalg.inv(a)
        else:
            z = phase_matrix(z1, z0, n) if n > 1 else np.array([[(2 * z1 + z0) / 3]])
        if abs(np.linalg.det(z)) == 0:
            raise BadNetwork("a source without impedance; give it a small one")
        other = self.bus2 or Bus(self.bus1.name, (0,) * n)
        element = circuit.add(
            self.full_name,
            [
                circuit.terminal(self.bus1.name, self.bus1.conductors(n, n)),
                circuit.terminal(other.name, other.conductors(n, n)),
            ],
            series(np.linalg.inv(z).astype(np.complex128)),
        )
        volts = self.kv * self.pu * 1000
        if n > 1:
            volts /= 2 * math.sin(math.pi / n)
        turn_back = {"n": -1, "z": 0}.get(self.sequence[:1], 1)
        angles = [math.radians(self.angle - turn_back * 360 / n * at) for at in range(n)]
        emf = volts * np.exp(1j * np.array(angles))
        return Source(element, np.concatenate([emf, np.zeros(n)]))
