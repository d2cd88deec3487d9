"""Wires and how they hang: WireData, LineGeometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from devices.grid.dss.objects import METRES, DssObject, looked_up, unit
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.line_constants import (
    Conductor,
    EarthModel,
    capacitance,
    impedance,
    reduced,
)
from devices.grid.zbus import Complex

EARTH_MODELS: dict[str, EarthModel] = {"d": "deri", "c": "carson", "f": "fullcarson"}
"""By the first letter, as OpenDSS reads them."""


def earth_model(text: str) -> EarthModel:
    """Raises BadNetwork."""
    found = EARTH_MODELS.get(text[:1].lower())
    if found is None:
        raise BadNetwork(f"earth model {text!r} is none of Carson, FullCarson, Deri")
    return found


def _metres(name: str) -> float:
    return METRES[name] or 1.0


@dataclass(slots=True)
class WireData(DssObject):
    """A bare wire.  What is not told follows from what is, as OpenDSS has it."""

    rdc: float | None = None
    rac: float | None = None
    gmr: float | None = None
    radius: float | None = None
    cap_radius: float | None = None
    r_units: str = "none"
    gmr_units: str = "none"
    radius_units: str = "none"

    kind = "wiredata"

    def _unit(self, which: str, word: Word) -> None:
        setattr(self, which, unit(word.text))

    SETTERS = {
        "rdc": lambda s, w: setattr(s, "rdc", w.number()),
        "rac": lambda s, w: setattr(s, "rac", w.number()),
        "gmrac": lambda s, w: setattr(s, "gmr", w.number()),
        "radius": lambda s, w: setattr(s, "radius", w.number()),
        "diam": lambda s, w: setattr(s, "radius", w.number() / 2),
        "capradius": lambda s, w: setattr(s, "cap_radius", w.number()),
        "runits": lambda s, w: s._unit("r_units", w),
        "gmrunits": lambda s, w: s._unit("gmr_units", w),
        "radunits": lambda s, w: s._unit("radius_units", w),
    }

    def conductor(self, x: float, h: float) -> Conductor:
        """At a place in metres.  Raises BadNetwork for a wire without resistance or size."""
        rdc, rac, gmr, radius = self.rdc, self.rac, self.gmr, self.radius
        gmr_units, radius_units = self.gmr_units, self.radius_units
        if rac is None and rdc is not None:
            rac = 1.02 * rdc
        if rdc is None and rac is not None:
            rdc = rac / 1.02
        if gmr is None and radius is not None:
            gmr, gmr_units = 0.7788 * radius, radius_units
        if radius is None and gmr is not None:
            radius, radius_units = gmr / 0.7788, gmr_units
        if rac is None or rdc is None or gmr is None or radius is None or min(rdc, gmr) <= 0:
            raise BadNetwork(f"{self.full_name} ({self.where}) needs a resistance and a radius")
        per_metre = 1 / _metres(self.r_units)
        radius_m = radius * _metres(radius_units)
        cap = radius_m if self.cap_radius is None else self.cap_radius * _metres(radius_units)
        return Conductor(
            x, h, rdc * per_metre, rac * per_metre, gmr * _metres(gmr_units), radius_m, cap
        )


@dataclass(slots=True)
class Position:
    """One conductor of a geometry."""

    wire: WireData | None = None
    x: float = 0.0
    h: float = 0.0
    units: str = "ft"


@dataclass(slots=True)
class LineGeometry(DssObject):
    """Wires at their places.  `reduce` leaves the phases only, as if the others were grounded."""

    phases: int = 3
    reduce: bool = False
    active: int = 0
    positions: list[Position] = field(default_factory=lambda: [Position() for _ in range(3)])
    units: str = "ft"

    kind = "linegeometry"

    def _resize(self, word: Word) -> None:
        self.positions = [Position(units=self.units) for _ in range(word.count(1, 50))]
        self.active = 0

    def _choose(self, word: Word) -> None:
        self.active = word.count(1, len(self.positions)) - 1

    def _set_units(self, word: Word) -> None:
        self.units = unit(word.text)
        self.positions[self.active].units = self.units

    def _place(self, axis: str, word: Word) -> None:
        position = self.positions[self.active]
        setattr(position, axis, word.number())
        position.units = self.units

    def _wire(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        self.positions[self.active].wire = looked_up(known, "wiredata", word.text)

    def _wires(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        names = word.strings()
        if len(names) > len(self.positions):
            raise BadNetwork(f"{len(names)} wires for {len(self.positions)} conductors")
        for position, name in zip(self.positions, names, strict=False):
            position.wire = looked_up(known, "wiredata", name)

    SETTERS = {
        "nconds": _resize,
        "nphases": lambda s, w: setattr(s, "phases", w.count(1, 50)),
        "cond": _choose,
        "x": lambda s, w: s._place("x", w),
        "h": lambda s, w: s._place("h", w),
        "units": _set_units,
        "reduce": lambda s, w: setattr(s, "reduce", w.flag()),
    }
    LINKED = {"wire": _wire, "wires": _wires}
    NEEDED = frozenset(("spacing", "cncable", "tscable", "cncables", "tscables"))

    def constants(
        self, frequency: float, rho: float, model: EarthModel, *, reduce: bool
    ) -> tuple[Complex, Complex]:
        """Ohms and farads per metre.  Raises BadNetwork."""
        conductors = []
        for number, position in enumerate(self.positions, 1):
            if position.wire is None:
                raise BadNetwork(f"{self.full_name} ({self.where}): conductor {number} has no wire")
            scale = _metres(position.units)
            conductors.append(position.wire.conductor(position.x * scale, position.h * scale))
        for i, one in enumerate(conductors):
            for other in conductors[:i]:
                if (one.x, one.h) == (other.x, other.h):
                    raise BadNetwork(
                        f"{self.full_name} ({self.where}): two conductors in one place"
                    )
            if one.h == 0:
                raise BadNetwork(f"{self.full_name} ({self.where}): a conductor without height")
        keep = self.phases if reduce else len(conductors)
        z = reduced(impedance(conductors, frequency, rho, model), keep)
        # Grounded conductors have no potential: their rows go before the matrix is inverted.
        return z, _inverse(reduced(capacitance(conductors), keep))


def _inverse(matrix: Complex) -> Complex:
    found: Complex = np.linalg.inv(matrix).astype(np.complex128)
    return found
