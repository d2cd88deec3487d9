"""XfmrCode and Transformer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from devices.grid.dss.objects import Bus, DssObject, looked_up
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork
from devices.grid.primitives import TransformerData, Winding
from devices.grid.regulators import TapChanger


@dataclass(slots=True)
class Coil:
    """A winding under construction."""

    bus: Bus | None = None
    delta: bool = False
    kv: float = 12.47
    kva: float = 1000.0
    tap: float = 1.0
    r_percent: float = 0.2
    r_neutral: float = -1.0
    x_neutral: float = 0.0
    tap_max: float = 1.1
    tap_min: float = 0.9
    steps: int = 32


def is_delta(text: str) -> bool:
    """A connection by its letters.  Raises BadNetwork."""
    lower = text.lower()
    if lower.startswith(("y", "w", "ln")):
        return False
    if lower.startswith(("d", "ll")):
        return True
    raise BadNetwork(f"connection {text!r} is neither wye nor delta")


@dataclass(slots=True)
class _Windings(DssObject):
    """What XfmrCode and Transformer share."""

    phases: int = 3
    coils: list[Coil] = field(default_factory=lambda: [Coil(), Coil()])
    active: int = 0
    x_percent: dict[tuple[int, int], float] = field(
        default_factory=lambda: {(0, 1): 7.0, (0, 2): 35.0, (1, 2): 30.0}
    )
    no_load_loss_percent: float = 0.0
    magnetising_percent: float = 0.0
    antifloat_ppm: float = 1.0

    def _resize(self, word: Word) -> None:
        count = word.count(1, 20)
        self.coils = [*self.coils[:count], *(Coil() for _ in range(count - len(self.coils)))]
        self.active = min(self.active, count - 1)

    def _choose(self, word: Word) -> None:
        self.active = word.count(1, len(self.coils)) - 1

    @property
    def coil(self) -> Coil:
        return self.coils[self.active]

    def _rate(self, word: Word) -> None:
        if self.active == 0:
            for coil in self.coils:
                coil.kva = word.number()
        self.coil.kva = word.number()

    def _each(self, name: str, values: list[Any]) -> None:
        for coil, value in zip(self.coils, values, strict=False):
            setattr(coil, name, value)

    def _losses(self, word: Word) -> None:
        self._each("r_percent", [word.number() / 2] * 2)

    def _reactances(self, word: Word) -> None:
        count = len(self.coils)
        pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
        self.x_percent.update(zip(pairs, word.vector(), strict=False))


def _coil(name: str) -> Any:
    return lambda s, w: setattr(s.coil, name, w.number())


_WINDINGS = {
    "phases": lambda s, w: setattr(s, "phases", w.count(1, 50)),
    "windings": _Windings._resize,
    "wdg": _Windings._choose,
    "conn": lambda s, w: setattr(s.coil, "delta", is_delta(w.text)),
    "kv": _coil("kv"),
    "kva": _Windings._rate,
    "tap": _coil("tap"),
    "%r": _coil("r_percent"),
    "rneut": _coil("r_neutral"),
    "xneut": _coil("x_neutral"),
    "conns": lambda s, w: s._each("delta", [is_delta(each) for each in w.strings()]),
    "kvs": lambda s, w: s._each("kv", w.vector()),
    "kvas": lambda s, w: s._each("kva", w.vector()),
    "taps": lambda s, w: s._each("tap", w.vector()),
    "%rs": lambda s, w: s._each("r_percent", w.vector()),
    "maxtap": _coil("tap_max"),
    "mintap": _coil("tap_min"),
    "numtaps": lambda s, w: setattr(s.coil, "steps", w.count(1, 1_000)),
    "xscarray": _Windings._reactances,
    "%loadloss": _Windings._losses,
    "%noloadloss": lambda s, w: setattr(s, "no_load_loss_percent", w.number()),
    "%imag": lambda s, w: setattr(s, "magnetising_percent", w.number()),
    "ppm_antifloat": lambda s, w: setattr(s, "antifloat_ppm", w.number()),
    **{
        name: lambda s, w, pair=pair: s.x_percent.update({pair: w.number()})
        for names, pair in ((("xhl", "x12"), (0, 1)), (("xht", "x13"), (0, 2)),
                            (("xlt", "x23"), (1, 2)))
        for name in names
    },
}  # fmt: skip

_RATINGS = frozenset(
    "thermal n m flrise hsrise normhkva emerghkva sub subname bank xrconst wdgcurrents core"
    " rdcohms".split()
)


@dataclass(slots=True)
class XfmrCode(_Windings):
    """A transformer's values under a name."""

    kind = "xfmrcode"
    SETTERS = _WINDINGS
    HARMLESS = _RATINGS


@dataclass(slots=True)
class Transformer(_Windings):
    """A transformer of any number of windings."""

    high_leads: bool = False
    kind = "transformer"
    HARMLESS = _RATINGS

    def _set_bus(self, word: Word) -> None:
        self.coil.bus = Bus.of(word.text)

    def _become_like(self, known: Mapping[tuple[str, str], DssObject], other: str) -> None:
        buses = [coil.bus for coil in self.coils]
        DssObject._become_like(self, known, other)
        for coil in self.coils:
            coil.bus = None
        self._each("bus", buses)

    def _code(self, word: Word, known: Mapping[tuple[str, str], Any]) -> None:
        code: XfmrCode = looked_up(known, "xfmrcode", word.text)
        buses = [coil.bus for coil in self.coils]
        self.phases = code.phases
        self.x_percent = dict(code.x_percent)
        for name in ("no_load_loss_percent", "magnetising_percent", "antifloat_ppm"):
            setattr(self, name, getattr(code, name))
        self.coils = [
            Coil(**{each.name: getattr(coil, each.name) for each in fields(coil)})
            for coil in code.coils
        ]
        self._each("bus", buses)

    SETTERS = {
        **_WINDINGS,
        "bus": _set_bus,
        "buses": lambda s, w: s._each("bus", [Bus.of(each) for each in w.strings()]),
        "leadlag": lambda s, w: setattr(s, "high_leads", w.text.lower().startswith(("le", "e"))),
    }
    LINKED = {"xfmrcode": _code}

    def volts(self, coil: Coil) -> float:
        """Rated, across one coil: line to line in a delta, else to neutral."""
        if coil.delta or self.phases not in (2, 3):
            return coil.kv * 1000
        return coil.kv * 1000 / math.sqrt(3)

    def data(self, frequency: float) -> TransformerData:
        """Raises BadNetwork."""
        count = len(self.coils)
        if count < 2:
            raise BadNetwork("a transformer has two windings or more")
        pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
        if any(pair not in self.x_percent for pair in pairs):
            raise BadNetwork(f"{count} windings need {len(pairs)} values in XscArray")
        if min(min(coil.kv, coil.kva, coil.tap) for coil in self.coils) <= 0:
            raise BadNetwork("kV, kVA and taps of a transformer are above 0")
        times = frequency / self.base_frequency
        reactances = tuple(self.x_percent[pair] / 100 * times for pair in pairs)
        if 0 in reactances:
            raise BadNetwork("a reactance of 0 % between two windings")
        return TransformerData(
            self.phases,
            tuple(
                Winding(
                    coil.delta,
                    self.volts(coil),
                    coil.r_percent / 100,
                    coil.tap,
                    coil.r_neutral,
                    coil.x_neutral * times,
                )
                for coil in self.coils
            ),
            self.coils[0].kva * 1000,
            reactances,
            self.no_load_loss_percent / 100,
            self.magnetising_percent / 100,
            self.antifloat_ppm * 1e-6,
            self.high_leads,
        )

    def changer(self, frequency: float) -> TapChanger:
        """The same with its taps to be moved."""
        return TapChanger(
            self.data(frequency),
            [coil.tap for coil in self.coils],
            [coil.tap_min for coil in self.coils],
            [coil.tap_max for coil in self.coils],
            [coil.steps for coil in self.coils],
            [self.volts(coil) for coil in self.coils],
        )
