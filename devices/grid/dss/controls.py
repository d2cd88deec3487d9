"""RegControl and CapControl: what moves taps and switches capacitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from devices.grid.circuit import Circuit, Regulator, Reverse
from devices.grid.dss.lines import Line
from devices.grid.dss.objects import Bus, DssObject, Setter, looked_up
from devices.grid.dss.shunts import Capacitor
from devices.grid.dss.transformers import Transformer
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.switched_capacitors import CapacitorRule, SwitchedBy


def _told(name: str) -> Setter:
    return lambda s, w: s.values.update({name: w.number()})


@dataclass(slots=True)
class RegControl(DssObject):
    """The control of a tap changer."""

    transformer: Transformer | None = None
    winding: int = 1
    tap_winding: int = 1
    values: dict[str, float] = field(default_factory=dict)
    pt_phase: int | Literal["max", "min"] = 1
    bus: Bus | None = None
    reversible: bool = False
    rev_neutral: bool = False
    turned: bool = False
    """Whether power flowed backwards when it was last solved."""
    remote_ratio: float | None = None

    kind = "regcontrol"

    def _set_winding(self, word: Word) -> None:
        self.winding = self.tap_winding = word.count(1, 20)

    def _set_phase(self, word: Word) -> None:
        text = word.text.lower()
        if text.startswith("ma"):
            self.pt_phase = "max"
        elif text.startswith("mi"):
            self.pt_phase = "min"
        else:
            self.pt_phase = word.count(1, 50)

    def _set_tap(self, word: Word) -> None:
        if self.transformer is None:
            raise BadNetwork("TapNum comes after transformer")
        coil = self.transformer.coils[self.tap_winding - 1]
        middle = (coil.tap_max + coil.tap_min) / 2
        step = (coil.tap_max - coil.tap_min) / coil.steps
        coil.tap = min(max(middle + word.number() * step, coil.tap_min), coil.tap_max)

    def _set_transformer(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        name = word.text.lower().removeprefix("transformer.")
        self.transformer = looked_up(known, "transformer", name)

    SETTERS = {
        "winding": _set_winding,
        "tapwinding": lambda s, w: setattr(s, "tap_winding", w.count(1, 20)),
        **{
            name: _told(name)
            for name in "vreg band ptratio ctprim r x delay maxtapchange vlimit revvreg revband"
            " revthreshold revdelay tapdelay".split()
        },
        "ptphase": _set_phase,
        "bus": lambda s, w: setattr(s, "bus", Bus.of(w.text) if w.text else None),
        "remoteptratio": lambda s, w: setattr(s, "remote_ratio", w.number()),
        "reversible": lambda s, w: setattr(s, "reversible", w.flag()),
        "revneutral": lambda s, w: setattr(s, "rev_neutral", w.flag()),
        "tapnum": _set_tap,
    }
    LINKED = {"transformer": _set_transformer}
    HARMLESS = frozenset("debugtrace eventlog reset".split())
    NEEDED = frozenset("inversetime ldc_z rev_z cogen".split())

    def _reverse(self) -> Reverse:
        told = self.values
        return Reverse(
            told.get("revvreg", 120.0),
            told.get("revband", 3.0),
            told.get("revthreshold", 100.0) * 1000,
            told.get("revdelay", 60.0),
            self.rev_neutral,
        )

    def regulator(self, circuit: Circuit) -> Regulator:
        """Raises BadNetwork."""
        if self.transformer is None:
            raise BadNetwork("a regcontrol without transformer")
        count = len(self.transformer.coils)
        if max(self.winding, self.tap_winding) > count:
            raise BadNetwork(f"winding {self.winding} of a transformer with {count}")
        told = self.values
        pt_ratio = told.get("ptratio", 60.0)
        if min(pt_ratio, told.get("ctprim", 300.0), self.remote_ratio or 1.0) <= 0:
            raise BadNetwork(f"{self.full_name} ({self.where}): its ratios are above 0")
        remote: tuple[int, ...] = ()
        if self.bus is not None:
            phases = self.transformer.phases
            numbers = self.bus.conductors(phases, phases)
            remote = circuit.terminal(self.bus.name, numbers)
        return Regulator(
            name=self.full_name,
            transformer=self.transformer.full_name,
            winding=self.winding - 1,
            tap_winding=self.tap_winding - 1,
            v_reg=told.get("vreg", 120.0),
            band=told.get("band", 3.0),
            pt_ratio=pt_ratio,
            ct_primary=told.get("ctprim", 300.0),
            r=told.get("r", 0.0),
            x=told.get("x", 0.0),
            delay_s=told.get("delay", 15.0),
            pt_phase=self.pt_phase,
            max_tap_change=int(told.get("maxtapchange", 16)),
            v_limit=told.get("vlimit", 0.0),
            remote_nodes=remote,
            remote_ratio=self.remote_ratio or pt_ratio,
            tap_delay_s=told.get("tapdelay", 2.0),
            reverse=self._reverse() if self.reversible else None,
        )


_CAP_SETTINGS = (
    "ptratio", "ctratio", "onsetting", "offsetting", "delay", "vmax", "vmin", "delayoff",
    "deadtime",
)  # fmt: skip
_TYPES: dict[str, SwitchedBy] = {
    "c": "current", "v": "voltage", "k": "kvar", "p": "power factor", "t": "time",
}  # fmt: skip


@dataclass(slots=True)
class CapControl(DssObject):
    """The control of a capacitor, by what flows through or stands at another element."""

    element: DssObject | None = None
    terminal: int = 1
    capacitor: Capacitor | None = None
    by: SwitchedBy = "current"
    over_volts: bool = False
    ct_phase: int | Literal["avg", "max", "min"] = 1
    pt_phase: int | Literal["avg", "max", "min"] = 1
    values: dict[str, float] = field(default_factory=dict)
    kind = "capcontrol"

    def _set_type(self, word: Word) -> None:
        found = _TYPES.get(word.text[:1].lower())
        if found is None or found == "time" or word.text.lower().startswith("f"):
            raise BadNetwork(f"a control of type {word.text} is not modelled here")
        self.by = found

    def _set_phase(self, name: str, word: Word) -> None:
        text = word.text.lower()[:2]
        named = {"av": "avg", "ma": "max", "mi": "min"}
        setattr(self, name, named[text] if text in named else word.count(1, 50))

    def _set_element(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        kind, _, name = word.text.lower().partition(".")
        self.element = looked_up(known, kind, name)

    def _set_capacitor(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        name = word.text.lower().removeprefix("capacitor.")
        self.capacitor = looked_up(known, "capacitor", name)

    SETTERS = {
        "terminal": lambda s, w: setattr(s, "terminal", w.count(1, 3)),
        "type": _set_type,
        "voltoverride": lambda s, w: setattr(s, "over_volts", w.flag()),
        "ctphase": lambda s, w: s._set_phase("ct_phase", w),
        "ptphase": lambda s, w: s._set_phase("pt_phase", w),
        **{name: _told(name) for name in _CAP_SETTINGS},
    }
    LINKED = {"element": _set_element, "capacitor": _set_capacitor}
    HARMLESS = frozenset("eventlog reset pctminkvar".split())
    NEEDED = frozenset("vbus usermodel userdata controlsignal".split())

    def rule(self) -> CapacitorRule:
        """Raises BadNetwork."""
        if self.element is None or self.capacitor is None:
            raise BadNetwork("a capcontrol names an element and a capacitor")
        if not isinstance(self.element, Line | Transformer | Capacitor):
            raise BadNetwork(f"it watches {self.element.full_name}; lines, transformers and"
                             " capacitors can be watched here")  # fmt: skip
        told = self.values
        return CapacitorRule(
            self.full_name,
            self.element.full_name,
            self.terminal,
            self.element.phases,
            self.by,
            told.get("onsetting", 300.0),
            told.get("offsetting", 200.0),
            told.get("ptratio", 60.0),
            told.get("ctratio", 60.0),
            told.get("delay", 15.0),
            told.get("delayoff", 15.0),
            told.get("deadtime", 300.0),
            (told.get("vmin", 115.0), told.get("vmax", 126.0)) if self.over_volts else None,
            self.ct_phase,
            self.pt_phase,
        )
