"""WireData: bare wires; and the names of earth models."""

from __future__ import annotations

from dataclasses import dataclass

from devices.grid.dss.objects import METRES, DssObject, unit
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.line_constants import Conductor, EarthModel, Screen

EARTH_MODELS: dict[str, EarthModel] = {"d": "deri", "c": "carson", "f": "fullcarson"}
"""By the first letter, as OpenDSS reads them."""


def earth_model(text: str) -> EarthModel:
    """Raises BadNetwork."""
    found = EARTH_MODELS.get(text[:1].lower())
    if found is None:
        raise BadNetwork(f"earth model {text!r} is none of Carson, FullCarson, Deri")
    return found


def metres_of(name: str) -> float:
    """A unit's; one where none is told."""
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
        per_metre = 1 / metres_of(self.r_units)
        radius_m = radius * metres_of(radius_units)
        cap = radius_m if self.cap_radius is None else self.cap_radius * metres_of(radius_units)
        return Conductor(
            x, h, rdc * per_metre, rac * per_metre, gmr * metres_of(gmr_units), radius_m, cap
        )

    def screen(self) -> Screen | None:
        """What is around it; a bare wire has nothing."""
        return None
