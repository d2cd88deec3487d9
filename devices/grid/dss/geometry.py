"""How conductors hang: LineSpacing, LineGeometry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from devices.grid.dss.conductors import WireData, metres_of
from devices.grid.dss.objects import DssObject, looked_up, unit
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.line_constants import EarthModel, Screen, capacitance, impedance, reduced
from devices.grid.zbus import Complex


@dataclass(slots=True)
class LineSpacing(DssObject):
    """Places without wires."""

    count: int = 3
    phases: int = 3
    xs: list[float] = field(default_factory=list)
    hs: list[float] = field(default_factory=list)
    units: str = "ft"
    kind = "linespacing"
    SETTERS = {
        "nconds": lambda s, w: setattr(s, "count", w.count(1, 50)),
        "nphases": lambda s, w: setattr(s, "phases", w.count(1, 50)),
        "x": lambda s, w: setattr(s, "xs", w.vector()),
        "h": lambda s, w: setattr(s, "hs", w.vector()),
        "units": lambda s, w: setattr(s, "units", unit(w.text)),
    }

    def positions(self) -> list[Position]:
        """Raises BadNetwork where it has fewer places than conductors."""
        if min(len(self.xs), len(self.hs)) < self.count:
            count = self.count
            raise BadNetwork(f"{self.full_name} ({self.where}) needs {count} values of x and h")
        return [Position(None, self.xs[at], self.hs[at], self.units) for at in range(self.count)]


@dataclass(slots=True)
class Position:
    """One conductor of a geometry."""

    wire: WireData | None = None
    x: float = 0.0
    h: float = 0.0
    units: str = "ft"


ONE = {"wire": "wiredata", "cncable": "cndata", "tscable": "tsdata"}
"""Of the properties that name one conductor."""
KINDS = {"wires": "wiredata", "cncables": "cndata", "tscables": "tsdata"}
"""Of the properties that name conductors in one list."""


Linked = Callable[[Any, Word, Mapping[tuple[str, str], Any]], None]


def _one(kind: str) -> Linked:
    return lambda s, w, known: s._wire(kind, w, known)


def _all(kind: str) -> Linked:
    return lambda s, w, known: s._wires(kind, w, known)


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

    def _wire(self, kind: str, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        self.positions[self.active].wire = looked_up(known, kind, word.text)

    def _wires(self, kind: str, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        hang(self.positions, self.phases, kind, word, known)

    def _spacing(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        spacing: LineSpacing = looked_up(known, "linespacing", word.text)
        wires = [position.wire for position in self.positions]
        self.positions, self.phases = spacing.positions(), spacing.phases
        for position, wire in zip(self.positions, wires, strict=False):
            position.wire = wire

    SETTERS = {
        "nconds": _resize,
        "nphases": lambda s, w: setattr(s, "phases", w.count(1, 50)),
        "cond": _choose,
        "x": lambda s, w: s._place("x", w),
        "h": lambda s, w: s._place("h", w),
        "units": _set_units,
        "reduce": lambda s, w: setattr(s, "reduce", w.flag()),
    }
    LINKED = {
        "spacing": _spacing,
        **{name: _one(kind) for name, kind in ONE.items()},
        **{name: _all(kind) for name, kind in KINDS.items()},
    }

    def constants(
        self, frequency: float, rho: float, model: EarthModel, *, reduce: bool
    ) -> tuple[Complex, Complex]:
        """Ohms and farads per metre.  Raises BadNetwork."""
        conductors = []
        for number, position in enumerate(self.positions, 1):
            if position.wire is None:
                raise BadNetwork(f"{self.full_name} ({self.where}): conductor {number} has no wire")
            scale = metres_of(position.units)
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
        screens = {
            at: screen
            for at, position in enumerate(self.positions[: self.phases])
            if position.wire is not None and (screen := position.wire.screen()) is not None
        }
        z = impedance(conductors, frequency, rho, model, screens)
        z = reduced(reduced(z, len(conductors)), keep)
        if screens:
            return z, _screened(screens, keep)
        # Grounded conductors have no potential: their rows go before the matrix is inverted.
        return z, _inverse(reduced(capacitance(conductors), keep))


def hang(
    positions: list[Position],
    phases: int,
    kind: str,
    word: Word,
    known: Mapping[tuple[str, str], Any],
) -> None:
    """Name the conductors.  Bare wires told after cables are the neutrals beside them.

    Raises BadNetwork.
    """
    names = word.strings()
    cabled = any(each.wire is not None and each.wire.screen() for each in positions[:phases])
    first = phases if kind == "wiredata" and cabled else 0
    if len(names) > len(positions) - first:
        raise BadNetwork(f"{len(names)} {word.name} for {len(positions) - first} conductors")
    for position, name in zip(positions[first:], names, strict=False):
        position.wire = looked_up(known, kind, name)


def _screened(screens: Mapping[int, Screen], keep: int) -> Complex:
    """No field leaves a screen: a cable's capacitance is to ground."""
    found = np.zeros((keep, keep), dtype=np.complex128)
    for at, screen in screens.items():
        found[at, at] = screen.capacitance
    return found


def _inverse(matrix: Complex) -> Complex:
    found: Complex = np.linalg.inv(matrix).astype(np.complex128)
    return found
