"""Underground cables: CNData with a neutral of strands around them, TSData with a tape shield.

The neutral or shield is one more conductor around its core, reduced out with the others; between
core and screen lies the insulation's capacitance and nothing couples through the screen (Kersting,
Distribution System Modeling and Analysis, chapters 4 and 5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from devices.grid.dss.conductors import WireData, metres_of
from devices.grid.dss.objects import number
from devices.grid.errors import BadNetwork
from devices.grid.line_constants import E0, Screen

TAPE_OHM_M = 2.3718e-8
"""Of a copper tape at fifty degrees, as OpenDSS has it."""


@dataclass(slots=True)
class _Cable(WireData):
    """A core within its insulation."""

    permittivity: float = 2.3
    insulation: float | None = None
    over_insulation: float | None = None
    over_cable: float | None = None

    def _needed(self, **told: float | None) -> None:
        missing = [name for name, value in told.items() if value is None or value <= 0]
        if missing:
            raise BadNetwork(f"{self.full_name} ({self.where}) needs {', '.join(missing)}")

    def _capacitance(self) -> float:
        """Farads per metre between core and screen."""
        self._needed(InsLayer=self.insulation, DiaIns=self.over_insulation)
        assert self.insulation is not None and self.over_insulation is not None
        outer = self.over_insulation / 2
        inner = outer - self.insulation
        if inner <= 0:
            raise BadNetwork(f"{self.full_name} ({self.where}): InsLayer is thicker than DiaIns/2")
        return 2 * math.pi * E0 * self.permittivity / math.log(outer / inner)

    def screen(self) -> Screen:
        """Raises BadNetwork for a cable that is not fully told."""
        raise NotImplementedError


_CABLE = {
    **WireData.SETTERS,
    "epsr": number("permittivity"),
    "inslayer": number("insulation"),
    "diains": number("over_insulation"),
    "diacable": number("over_cable"),
}


@dataclass(slots=True)
class CNData(_Cable):
    """A cable with a concentric neutral of `strands`."""

    strands: int = 2
    dia_strand: float | None = None
    gmr_strand: float | None = None
    r_strand: float | None = None
    kind = "cndata"
    SETTERS = {
        **_CABLE,
        "k": lambda s, w: setattr(s, "strands", w.count(2, 1000)),
        "diastrand": number("dia_strand"),
        "gmrstrand": number("gmr_strand"),
        "rstrand": number("r_strand"),
    }

    def screen(self) -> Screen:
        """Raises BadNetwork."""
        self._needed(DiaStrand=self.dia_strand, Rstrand=self.r_strand, DiaCable=self.over_cable)
        assert self.dia_strand and self.r_strand and self.over_cable
        scale = metres_of(self.radius_units)
        radius = (self.over_cable - self.dia_strand) / 2 * scale
        gmr = 0.7788 * self.dia_strand / 2 * scale
        if self.gmr_strand is not None:
            gmr = self.gmr_strand * metres_of(self.gmr_units)
        k = self.strands
        return Screen(
            self.r_strand / metres_of(self.r_units) / k,
            (gmr * k * radius ** (k - 1)) ** (1 / k),
            radius,
            k,
            self._capacitance(),
        )


@dataclass(slots=True)
class TSData(_Cable):
    """A cable with a tape shield."""

    over_shield: float | None = None
    tape: float | None = None
    lap_percent: float = 20.0
    kind = "tsdata"
    SETTERS = {
        **_CABLE,
        "diashield": number("over_shield"),
        "tapelayer": number("tape"),
        "tapelap": number("lap_percent"),
    }

    def screen(self) -> Screen:
        """Raises BadNetwork."""
        self._needed(DiaShield=self.over_shield, TapeLayer=self.tape)
        assert self.over_shield and self.tape
        scale = metres_of(self.radius_units)
        shield, tape = self.over_shield * scale, self.tape * scale
        lap = math.sqrt(50 / (100 - self.lap_percent))
        radius = (shield - tape) / 2
        return Screen(
            0.3183 * TAPE_OHM_M / (shield * tape * lap), radius, radius, 0, self._capacitance()
        )
