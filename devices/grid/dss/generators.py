"""Generator: a machine that feeds constant power, an impedance, or what holds its voltage."""

from __future__ import annotations

from dataclasses import dataclass

from devices.grid.circuit import Circuit, Leg
from devices.grid.dss.loads import POWERS, Power
from devices.grid.dss.objects import number
from devices.grid.dss.shapes import SHAPES, Moment
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.held_voltages import HeldVoltage

MODELLED = (1, 2, 3, 4, 5, 7)
NO_BAND = (0.0, 1e9)
"""A machine that holds its voltage stays one at any voltage."""


@dataclass(slots=True)
class Generator(Power):
    """A generator by OpenDSS's number: 1, 4 and 7 feed constant power, 2 is an impedance, 3 holds
    the voltage within its vars, 5 feeds constant watts and is a fixed reactance."""

    kw: float = 1000.0
    kvar: float = 60.0
    low: float = 0.9
    high: float = 1.1
    spec: str = "kw kvar"
    vpu: float = 1.0
    kvar_max: float | None = None
    kvar_min: float | None = None
    forced: bool = False
    kind = "generator"

    def _set_kw(self, word: Word) -> None:
        self.kw, self.spec = word.number(), "kw pf"

    def _set_pf(self, word: Word) -> None:
        self.pf, self.spec = word.number(), "kw pf"

    SETTERS = {
        **POWERS,
        "kw": _set_kw,
        "pf": _set_pf,
        "status": lambda s, w: setattr(s, "fixed", w.text.lower()[:1] == "f"),
        "vpu": number("vpu"),
        "maxkvar": number("kvar_max"),
        "minkvar": number("kvar_min"),
        "forceon": lambda s, w: setattr(s, "forced", w.flag()),
    }
    LINKED = SHAPES
    HARMLESS = frozenset(
        "dispvalue class kva mva xd xdp xdpp h d dutystart debugtrace xrdp pvfactor balanced"
        " usefuel fuelkwh %fuel %reserve refuel dynamiceq dynout".split()
    )

    def legs(self, circuit: Circuit, moment: Moment) -> list[Leg]:
        """Raises BadNetwork for machines that are not modelled."""
        if self.model not in MODELLED:
            known = ", ".join(map(str, MODELLED))
            raise BadNetwork(
                f"generators of model {self.model} (by programs of their makers) are not modelled;"
                f" {known} are"
            )
        rated = self.power()
        power = self._scaled(rated, moment)
        model, (low, high), fixed = self.model, (self.low, self.high), 0.0
        if self.model in (4, 5):
            power = complex(power.real, rated.imag)
        if self.model == 5:
            model, fixed = 7, -rated.imag * 1000 / self.phases
        elif self.model in (3, 4, 7):
            model = 1
        if self.model == 3:
            low, high = NO_BAND
        each = -power * 1000 / self.phases
        return [
            Leg(self.full_name, ends, each.real, each.imag, self.volts(), model, low, high, 0.0,
                fixed_vars=fixed)
            for ends in self.ends(circuit)
        ]  # fmt: skip

    def _scaled(self, power: complex, moment: Moment) -> complex:
        if self.fixed:
            return power
        factor = moment.factor(self.shapes)
        return complex(power.real * factor.real, power.imag * factor.imag) * (
            moment.generation_multiplier
        )

    def held(self, first: int, moment: Moment) -> HeldVoltage | None:
        """What a machine of model 3 holds; `first` is the number of its first leg."""
        if self.model != 3:
            return None
        rated = self.power().imag
        kvar = abs(rated)
        most = 2 * kvar if self.kvar_max is None else self.kvar_max
        least = -2 * kvar if self.kvar_min is None else self.kvar_min
        return HeldVoltage(
            tuple(range(first, first + self.phases)),
            self.vpu * self.volts(),
            least * 1000 / self.phases,
            most * 1000 / self.phases,
            rated * 1000 / self.phases,
        )
