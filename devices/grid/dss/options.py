"""What `set` sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

from devices.grid.dss.conductors import earth_model
from devices.grid.dss.objects import Defaults
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork

HARMLESS_OPTIONS = frozenset(
    "tolerance maxiterations maxcontroliter trapezoidal datapath markcode nodewidth"
    " marktransformers algorithm normvminpu normvmaxpu emergvminpu emergvmaxpu allowduplicates"
    " editor casename demandinterval overloadreport voltexceptionreport showexport number stepsize"
    " time hour sec year h daisysize zonelock printlog recorder plotlogo eventlogdefault"
    " marksize trace cktmodel bus element class object type cfactors addtype random"
    " defaultdaily defaultyearly parallel numcores maxcontroliterations miniterations".split()
)


@dataclass(slots=True)
class Options:
    """What `set` has set, of what matters here."""

    load_multiplier: float = 1.0
    generation_multiplier: float = 1.0
    controls: bool = True
    frequency: float | None = None
    voltage_bases: list[float] = field(default_factory=list)
    bases_wanted: bool = False
    bus_bases: dict[str, float] = field(default_factory=dict)  # kV to neutral
    loads_as_impedances: bool = False

    def take(self, word: Word, defaults: Defaults) -> str | None:
        """One option of a `set` command; what is to be said of it.  Raises BadNetwork."""
        name = _option_name(word.name)
        match name:
            case "loadmult":
                self.load_multiplier = word.number()
            case "genmult":
                self.generation_multiplier = word.number()
            case "controlmode":
                self.controls = word.text.lower() not in ("off", "-1")
            case "voltagebases":
                self.voltage_bases = word.vector()
            case "defaultbasefrequency" | "basefrequency":
                defaults.frequency = _positive(word)
            case "frequency":
                self.frequency = _positive(word)
            case "earthmodel":
                defaults.earth_model = earth_model(word.text)
            case "mode":
                return self._mode(word)
            case "loadmodel":
                self.loads_as_impedances = word.text.lower().startswith("a")
            case _:
                if name not in HARMLESS_OPTIONS:
                    return f"the option {word.name or word.text!r} is not understood here"
        return None

    def _mode(self, word: Word) -> str | None:
        mode = word.text.lower()
        self.loads_as_impedances = mode.startswith("di")
        if not mode.startswith(("s", "di")):
            return f"mode {mode} is not carried out; the network is solved as a snapshot"
        return None


def _positive(word: Word) -> float:
    found = word.number()
    if found <= 0:
        raise BadNetwork(f"{word.name}={word.text} is not above 0")
    return found


_UNDERSTOOD = (
    "loadmult", "genmult", "controlmode", "voltagebases", "defaultbasefrequency", "basefrequency",
    "frequency", "earthmodel", "mode", "loadmodel",
)  # fmt: skip


def _option_name(text: str) -> str:
    lower = text.lower()
    for known in chain(_UNDERSTOOD, sorted(HARMLESS_OPTIONS)):
        if known == lower:
            return known
    for known in chain(_UNDERSTOOD, sorted(HARMLESS_OPTIONS)):
        if lower and known.startswith(lower):
            return known
    return lower
