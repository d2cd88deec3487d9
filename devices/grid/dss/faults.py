"""Fault: a small resistance between conductors, or from them to ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from devices.grid.circuit import Circuit
from devices.grid.dss.objects import Bus, DssObject, number
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.primitives import series
from devices.grid.zbus import Complex


@dataclass(slots=True)
class Fault(DssObject):
    """Between the nodes of two buses; without a second bus, to ground."""

    bus1: Bus | None = None
    bus2: Bus | None = None
    phases: int = 1
    ohms: float = 0.0001
    siemens: Complex | None = None
    on_time_s: float = 0.0
    kind = "fault"

    def _set_first(self, word: Word) -> None:
        self.bus1 = Bus.of(word.text)
        self.bus2 = None

    SETTERS = {
        "bus1": _set_first,
        "bus2": lambda s, w: setattr(s, "bus2", Bus.of(w.text)),
        "phases": lambda s, w: setattr(s, "phases", w.count(1, 50)),
        "r": number("ohms"),
        "gmatrix": lambda s, w: setattr(s, "siemens", w.matrix(s.phases).astype(complex)),
        "ontime": number("on_time_s"),
    }
    HARMLESS = frozenset("%stddev temporary minamps".split())

    def build(self, circuit: Circuit) -> None:
        """Raises BadNetwork."""
        if self.bus1 is None:
            raise BadNetwork("it names no bus")
        if self.on_time_s > 0:
            return  # it comes later than the moment that is solved
        if self.ohms <= 0:
            raise BadNetwork(f"a fault of {self.ohms:g} ohms; give it a small resistance")
        n = self.phases
        y: Complex = (np.eye(n) / self.ohms).astype(np.complex128)
        if self.siemens is not None:
            y = self.siemens
        other = self.bus2 or Bus(self.bus1.name, (0,) * n)
        circuit.add(
            self.full_name,
            [
                circuit.terminal(self.bus1.name, self.bus1.conductors(n, n)),
                circuit.terminal(other.name, other.conductors(n, n)),
            ],
            series(y),
        )
