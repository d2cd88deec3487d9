"""Line: of sequence values, matrices, a code, a geometry, or wires at a spacing; or a switch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from devices.grid.dss.conductors import EARTH_MODELS, earth_model
from devices.grid.dss.geometry import KINDS, LineGeometry, LineSpacing, Linked, hang
from devices.grid.dss.line_codes import NANO, PER_LENGTH, LineCode, PerLength
from devices.grid.dss.objects import METRES, Bus, conversion, looked_up, unit
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.primitives import line
from devices.grid.zbus import Complex

CREATION_HZ = 60.0
"""OpenDSS takes the earth's reactance for its correction at this frequency, whatever the line's."""


def _hung(kind: str) -> Linked:
    return lambda s, w, known: s._hang(kind, w, known)


@dataclass(slots=True)
class Line(PerLength):
    """A line, a cable, or a switch."""

    bus1: Bus | None = None
    bus2: Bus | None = None
    length: float = 1.0
    scale: float = 1.0
    """From what matrices are per, to the line's own unit of length."""
    code_units: str | None = None
    sequence_told: bool = False
    shunt_told: bool = False
    is_switch: bool = False
    geometry: LineGeometry | None = None
    spacing: LineGeometry | None = None
    """Made of a LineSpacing and the wires that this line names."""
    earth: str = ""
    open_conductors: set[tuple[int, int]] = field(default_factory=set)
    kind = "line"

    def __post_init__(self) -> None:
        super(PerLength, self).__post_init__()
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
        if self.is_switch:
            return  # OpenDSS keeps a switch's own values, whatever code follows
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
        self.is_switch = True
        self.r1 = self.x1 = self.r0 = self.x0 = self.c0 = 1.0
        self.c1, self.length = 1.1, 0.001
        self.z = self.c = None
        self.sequence_told, self.shunt_told = True, False

    def _geometry(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        self.geometry = looked_up(known, "linegeometry", word.text)
        self.phases, self.code_units = self.geometry.phases, None

    def _spacing(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        spacing: LineSpacing = looked_up(known, "linespacing", word.text)
        found = LineGeometry(spacing.name, spacing.where, self.defaults)
        found.positions, found.phases, found.reduce = spacing.positions(), spacing.phases, True
        self.spacing, self.geometry = found, found
        self.phases, self.code_units = found.phases, None

    def _hang(self, kind: str, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        if self.spacing is None:
            raise BadNetwork(f"{word.name}= comes after spacing=")
        hang(self.spacing.positions, self.spacing.phases, kind, word, known)
        self.geometry = self.spacing

    SETTERS = {
        **PER_LENGTH,
        "bus1": lambda s, w: setattr(s, "bus1", Bus.of(w.text)),
        "bus2": lambda s, w: setattr(s, "bus2", Bus.of(w.text)),
        "length": lambda s, w: setattr(s, "length", w.number()),
        "phases": _set_phases,
        "units": _set_units,
        "switch": _switch,
        "earthmodel": lambda s, w: setattr(s, "earth", earth_model(w.text)),
    }
    LINKED = {
        "linecode": _code,
        "geometry": _geometry,
        "spacing": _spacing,
        **{name: _hung(kind) for name, kind in KINDS.items()},
    }

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
