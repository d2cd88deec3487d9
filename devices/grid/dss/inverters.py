"""PVSystem and Storage: inverters that feed a constant power, or draw it.

What a panel or a battery offers goes through the inverter's limits; the grid sees what is left as a
load below zero.  Outside its band of voltage it is an impedance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devices.grid.circuit import Circuit, Leg
from devices.grid.dss.loads import PLACES, Place
from devices.grid.dss.objects import looked_up, number
from devices.grid.dss.shapes import SHAPES, LoadShape, Moment, XYCurve, shaped
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork


@dataclass(slots=True)
class _Inverter(Place):
    """What both share."""

    kva: float | None = None
    pf: float = 1.0
    kvar: float | None = None  # None: by the power factor
    kvar_max: float | None = None
    kvar_min: float | None = None
    cut_in: float = 20.0
    cut_out: float = 20.0
    efficiency: XYCurve | None = None
    watts_first: bool = False
    pf_first: bool = False
    var_follows: bool = False
    low: float = 0.9
    high: float = 1.1
    shapes: dict[str, LoadShape] = field(default_factory=dict)

    def _set_pf(self, word: Word) -> None:
        self.pf, self.kvar = word.number(), None

    def _curve(self, name: str, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        setattr(self, name, looked_up(known, "xycurve", word.text) if word.text else None)

    def limited(self, kw: float, kva: float) -> complex:
        """Kilowatts and kilovars of an inverter that is asked for so many kilowatts."""
        if self.kvar is not None:
            kvar = self.kvar
        elif not 0 < abs(self.pf) <= 1:
            raise BadNetwork(f"a power factor of {self.pf:g}")
        else:
            kvar = math.copysign(1, self.pf) * kw * math.sqrt(1 / self.pf**2 - 1)
        most = kva if self.kvar_max is None else self.kvar_max
        least = most if self.kvar_min is None else self.kvar_min
        kvar = min(max(kvar, -abs(least)), most)
        if math.hypot(kw, kvar) <= kva:
            return complex(kw, kvar)
        if self.pf_first and self.kvar is None:
            kw = math.copysign(kva * abs(self.pf), kw)
            return complex(kw, math.copysign(kva * math.sqrt(1 - self.pf**2), kvar))
        if self.watts_first:
            kw = math.copysign(min(abs(kw), kva), kw)
            return complex(kw, math.copysign(math.sqrt(kva**2 - kw**2), kvar))
        return complex(math.copysign(math.sqrt(kva**2 - kvar**2), kw), kvar)

    def fed(self, circuit: Circuit, power: complex) -> list[Leg]:
        """Legs that feed so many kilowatts and kilovars."""
        if self.model not in (1, 2):
            raise BadNetwork(f"{self.kind}s of model {self.model} are not modelled; 1 and 2 are")
        each = -power * 1000 / self.phases
        return [
            Leg(self.full_name, ends, each.real, each.imag, self.volts(), self.model, self.low,
                self.high, 0.0)
            for ends in self.ends(circuit)
        ]  # fmt: skip


_INVERTER = {
    **PLACES,
    "kva": number("kva"),
    "pf": _Inverter._set_pf,
    "kvar": number("kvar"),
    "kvarmax": number("kvar_max"),
    "kvarmaxabs": number("kvar_min"),
    "%cutin": number("cut_in"),
    "%cutout": number("cut_out"),
    "wattpriority": lambda s, w: setattr(s, "watts_first", w.flag()),
    "pfpriority": lambda s, w: setattr(s, "pf_first", w.flag()),
    "varfollowinverter": lambda s, w: setattr(s, "var_follows", w.flag()),
}
_DYNAMIC = frozenset(
    "%r %x balanced class debugtrace dutystart kvdc kp pitol safevoltage safemode dynamiceq dynout"
    " usermodel userdata dynadll dynadata amplimit amplimitgain".split()
)
_NEEDED = frozenset(("limitcurrent", "%pminnovars", "%pminkvarmax"))


@dataclass(slots=True)
class PVSystem(_Inverter):
    """A solar array with its inverter."""

    irradiance: float = 1.0
    pmpp: float = 500.0
    percent_pmpp: float = 100.0
    temperature: float = 25.0
    by_temperature: XYCurve | None = None
    temperatures: dict[str, LoadShape] = field(default_factory=dict)
    kind = "pvsystem"

    SETTERS = {
        **_INVERTER,
        "irradiance": number("irradiance"),
        "pmpp": number("pmpp"),
        "%pmpp": number("percent_pmpp"),
        "temperature": number("temperature"),
    }
    LINKED = {
        **SHAPES,
        "effcurve": lambda s, w, known: s._curve("efficiency", w, known),
        "p-tcurve": lambda s, w, known: s._curve("by_temperature", w, known),
    }
    HARMLESS = _DYNAMIC | frozenset(("controlmode",))
    NEEDED = _NEEDED | frozenset(("tyearly", "tdaily", "tduty"))

    def legs(self, circuit: Circuit, moment: Moment) -> list[Leg]:
        """Raises BadNetwork."""
        return self.fed(circuit, self.power(moment))

    def power(self, moment: Moment) -> complex:
        """Kilowatts and kilovars that it feeds."""
        kva = 500.0 if self.kva is None else self.kva
        if kva <= 0:
            raise BadNetwork("kVA of an inverter is above 0")
        panel = self.irradiance * moment.factor(self.shapes).real * self.pmpp
        if self.by_temperature is not None:
            panel *= self.by_temperature.at(self.temperature)
        offered = panel
        if self.efficiency is not None:
            offered *= self.efficiency.at(panel / kva)
        if offered < self.cut_in / 100 * kva:
            return complex(0, 0 if self.var_follows or self.kvar is None else self.kvar)
        return self.limited(min(offered, self.pmpp * self.percent_pmpp / 100), kva)


@dataclass(slots=True)
class Storage(_Inverter):
    """A battery as it stands at the moment that is solved; its energy does not run down."""

    kw: float | None = None
    kw_rated: float = 25.0
    percent_rated: float = 100.0
    state: str = "idling"
    percent_charge: float = 100.0
    percent_discharge: float = 100.0
    percent_idle: float = 1.0
    cut_in: float = 0.0
    cut_out: float = 0.0
    stored_percent: float = 100.0
    reserve_percent: float = 20.0
    kwh_rated: float = 50.0
    kind = "storage"

    def _set_state(self, word: Word) -> None:
        first = word.text[:1].lower()
        known = {"c": "charging", "d": "discharging", "i": "idling"}
        if first not in known:
            raise BadNetwork(f"state={word.text} is none of charging, discharging, idling")
        self.state = known[first]

    def _set_kw(self, word: Word) -> None:
        self.kw = word.number()
        if self.kw:
            self.state = "discharging" if self.kw > 0 else "charging"
            percent = 100 * abs(self.kw) / self.kw_rated
            if self.kw > 0:
                self.percent_discharge = percent
            else:
                self.percent_charge = percent
        else:
            self.state = "idling"

    SETTERS = {
        **_INVERTER,
        "kw": _set_kw,
        "kwrated": number("kw_rated"),
        "%kwrated": number("percent_rated"),
        "kwhrated": number("kwh_rated"),
        "kwhstored": lambda s, w: setattr(s, "stored_percent", 100 * w.number() / s.kwh_rated),
        "%stored": number("stored_percent"),
        "%reserve": number("reserve_percent"),
        "state": _set_state,
        "%charge": number("percent_charge"),
        "%discharge": number("percent_discharge"),
        "%idlingkw": number("percent_idle"),
    }
    LINKED = {
        **{kind: shaped(kind) for kind in ("daily", "yearly", "duty")},
        "effcurve": lambda s, w, known: s._curve("efficiency", w, known),
    }
    HARMLESS = _DYNAMIC | frozenset(
        "%effcharge %effdischarge %idlingkvar dischargetrigger chargetrigger timechargetrig"
        " controlmode".split()
    )
    NEEDED = _NEEDED | frozenset(("effcurve",))

    def legs(self, circuit: Circuit, moment: Moment) -> list[Leg]:
        """Raises BadNetwork."""
        if moment.mode != "snapshot" and moment.shape(self.shapes) is not None:
            raise BadNetwork("a battery that follows a shape over time is not modelled here")
        return self.fed(circuit, self.power())

    def power(self) -> complex:
        """Kilowatts and kilovars that it feeds."""
        kva = self.kw_rated if self.kva is None else self.kva
        idle = self.kw_rated * self.percent_idle / 100
        state = self.state
        if state == "charging" and self.stored_percent >= 100:
            state = "idling"
        if state == "discharging" and self.stored_percent <= self.reserve_percent:
            state = "idling"
        if state == "idling":
            return complex(-idle, self.kvar or 0.0)
        if state == "charging":
            kw = -self.kw_rated * self.percent_charge / 100
        else:
            kw = self.kw_rated * self.percent_discharge / 100
        most = self.kw_rated * self.percent_rated / 100
        return self.limited(math.copysign(min(abs(kw), most), kw), kva)
