"""Load: power between the nodes of a bus, and what generators and inverters share with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from devices.grid.circuit import Circuit, Leg
from devices.grid.dss.objects import Bus, DssObject, number
from devices.grid.dss.shapes import SHAPES, LoadShape, Moment
from devices.grid.dss.transformers import is_delta
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork


@dataclass(slots=True)
class Place(DssObject):
    """Where something is that draws or feeds, and across which voltage."""

    bus1: Bus | None = None
    phases: int = 3
    kv: float = 12.47
    delta: bool = False
    model: int = 1
    low: float = 0.95
    high: float = 1.05

    def volts(self) -> float:
        """Across a leg."""
        if self.delta or self.phases not in (2, 3):
            return self.kv * 1000
        return self.kv * 1000 / math.sqrt(3)

    def ends(self, circuit: Circuit) -> list[tuple[int, int]]:
        """The nodes of each leg.  Raises BadNetwork."""
        if self.bus1 is None:
            raise BadNetwork("it names no bus")
        n = self.phases
        count = n if self.delta and n > 2 else n + 1
        nodes = circuit.terminal(self.bus1.name, self.bus1.conductors(n, count))
        if not self.delta:
            return [(nodes[at], nodes[n]) for at in range(n)]
        return [(nodes[at], nodes[(at + 1) % count]) for at in range(n)]


PLACES = {
    "phases": lambda s, w: setattr(s, "phases", w.count(1, 50)),
    "bus1": lambda s, w: setattr(s, "bus1", Bus.of(w.text)),
    "kv": number("kv"),
    "model": lambda s, w: setattr(s, "model", w.count(1, 8)),
    "conn": lambda s, w: setattr(s, "delta", is_delta(w.text)),
    "vminpu": number("low"),
    "vmaxpu": number("high"),
}


@dataclass(slots=True)
class Power(Place):
    """What Load and Generator share."""

    kw: float = 10.0
    kvar: float = 0.0
    pf: float = 0.88
    kva: float = 0.0
    spec: str = "kw pf"
    fixed: bool = False
    shapes: dict[str, LoadShape] = field(default_factory=dict)

    def _set_kvar(self, word: Word) -> None:
        self.kvar, self.spec = word.number(), "kw kvar"

    def power(self) -> complex:
        """Kilowatts and kilovars."""
        if self.spec == "kw kvar":
            return complex(self.kw, self.kvar)
        if not 0 < abs(self.pf) <= 1:
            raise BadNetwork(f"a power factor of {self.pf:g}")
        kw = self.kva * abs(self.pf) if self.spec == "kva pf" else self.kw
        kvar = kw * math.sqrt(1 / self.pf**2 - 1)
        return complex(kw, math.copysign(1, self.pf) * kvar)

    def finish(self) -> None:
        """Let the power factor follow from watts and vars, for what a later edit tells."""
        if self.spec == "kw kvar" and (self.kw or self.kvar):
            self.pf = self.kw / math.hypot(self.kw, self.kvar)
            if self.kvar < 0:
                self.pf = -self.pf
        elif self.spec == "kva pf":
            self.kw = self.kva * abs(self.pf)


POWERS = {**PLACES, "kvar": Power._set_kvar}


@dataclass(slots=True)
class Load(Power):
    """A load of any of OpenDSS's eight models."""

    lowest: float = 0.5
    exponents: tuple[float, float] = (1.0, 2.0)
    zipv: tuple[float, ...] = ()
    r_neutral: float = -1.0
    x_neutral: float = 0.0
    xfkva: float = 0.0
    exempt: bool = False  # from the load multiplier
    allocation: float = 0.5
    kind = "load"

    def _set_kw(self, word: Word) -> None:
        self.kw, self.spec = word.number(), "kw pf"

    def _set_kva(self, word: Word) -> None:
        self.kva, self.spec = word.number(), "kva pf"

    def _set_status(self, word: Word) -> None:
        self.fixed, self.exempt = (word.text[:1].lower() == first for first in "fe")

    def _set_zipv(self, word: Word) -> None:
        self.zipv = tuple(word.vector())
        if len(self.zipv) != 7:
            raise BadNetwork("ZIPV takes seven numbers")

    def _allocate(self, name: str, word: Word) -> None:
        setattr(self, name, word.number())
        self.kw, self.spec = self.xfkva * self.allocation * abs(self.pf), "kw pf"

    SETTERS = {
        **POWERS,
        "kw": _set_kw,
        "pf": number("pf"),
        "kva": _set_kva,
        "status": _set_status,
        "vlowpu": number("lowest"),
        "cvrwatts": lambda s, w: setattr(s, "exponents", (w.number(), s.exponents[1])),
        "cvrvars": lambda s, w: setattr(s, "exponents", (s.exponents[0], w.number())),
        "zipv": _set_zipv,
        "rneut": number("r_neutral"),
        "xneut": number("x_neutral"),
        "xfkva": lambda s, w: s._allocate("xfkva", w),
        "allocationfactor": lambda s, w: s._allocate("allocation", w),
    }
    LINKED = SHAPES
    HARMLESS = frozenset(
        "growth class vminnorm vminemerg %mean %stddev cvrcurve numcust %seriesrl"
        " relweight puxharm xrharm".split()
    )

    def legs(self, circuit: Circuit, moment: Moment) -> list[Leg]:
        """Raises BadNetwork."""
        if self.model == 8 and not self.zipv:
            raise BadNetwork("model 8 needs ZIPV")
        if self.kv <= 0:
            raise BadNetwork("kV of a load is above 0")
        power = self.power()
        scaled = self._scaled(power, moment) * 1000 / self.phases
        return [
            Leg(
                self.full_name,
                ends,
                scaled.real,
                scaled.imag,
                self.volts(),
                self.model,
                self.low,
                self.high,
                self.lowest,
                self.exponents,
                self.zipv,
                power.imag * 1000 / self.phases,
            )
            for ends in self.ends(circuit)
        ]

    def _scaled(self, power: complex, moment: Moment) -> complex:
        """By the moment's multipliers, or what the shape says instead."""
        if self.fixed:
            return power * moment.growth
        times = moment.growth * (1.0 if self.exempt else moment.load_multiplier)
        factor = moment.factor(self.shapes)
        shape = moment.shape(self.shapes)
        if shape is not None and shape.is_actual:
            if not factor.imag and self.spec != "kw kvar" and self.pf:
                ratio = math.copysign(math.sqrt(1 / self.pf**2 - 1), self.pf)
                return complex(factor.real, factor.real * ratio)
            return factor
        return complex(power.real * factor.real, power.imag * factor.imag) * times

    def neutral(self) -> complex | None:
        """Siemens from its neutral to ground, where the neutral is a node of its own."""
        if self.delta or self.r_neutral < 0:
            return None
        z = complex(self.r_neutral, self.x_neutral)
        return 1 / z if z else 1e6
