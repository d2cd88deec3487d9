"""What `set` sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

from devices.grid.control import ROUNDS_MAX
from devices.grid.dss.conductors import earth_model
from devices.grid.dss.objects import Defaults
from devices.grid.dss.shapes import Mode, Moment
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork

HARMLESS_OPTIONS = frozenset(
    "tolerance maxiterations trapezoidal datapath markcode nodewidth"
    " marktransformers algorithm normvminpu normvmaxpu emergvminpu emergvmaxpu allowduplicates"
    " editor casename demandinterval overloadreport voltexceptionreport showexport"
    " daisysize zonelock printlog recorder plotlogo eventlogdefault"
    " marksize trace cktmodel bus element class object type cfactors addtype random"
    " defaultdaily defaultyearly parallel numcores miniterations".split()
)


@dataclass(slots=True)
class Options:
    """What `set` has set, of what matters here."""

    load_multiplier: float = 1.0
    generation_multiplier: float = 1.0
    controls: bool = True
    timed: bool = False
    """Whether controls wait in the time that solutions stand for."""
    rounds_max: int = ROUNDS_MAX
    mode: Mode = "snapshot"
    number: int = 1
    step_s: float = 3600.0
    seconds: float = 0.0
    """The time of the last solution."""
    year: int = 0
    frequency: float | None = None
    voltage_bases: list[float] = field(default_factory=list)
    bases_wanted: bool = False
    bus_bases: dict[str, float] = field(default_factory=dict)  # kV to neutral
    loads_as_impedances: bool = False

    @property
    def moment(self) -> Moment:
        """What the next solution stands for."""
        return Moment(
            self.mode,
            self.seconds / 3600,
            self.load_multiplier,
            self.generation_multiplier,
            self.year,
        )

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
                self.timed = word.text.lower().startswith("t")
                if word.text.lower().startswith(("e", "m")):
                    return f"controls move as in the mode static, not {word.text}"
            case "maxcontroliter" | "maxcontroliterations":
                self.rounds_max = word.count(1, 100_000)
            case "number":
                self.number = word.count(1, 10_000_000)
            case "stepsize" | "h":
                self.step_s = _seconds(word)
            case "hour":
                self.seconds = word.number() * 3600 + self.seconds % 3600
            case "sec":
                self.seconds = self.seconds // 3600 * 3600 + word.number()
            case "time":
                hour, second = (word.vector() + [0.0])[:2]
                self.seconds = hour * 3600 + second
            case "year":
                self.year = word.count(0, 1000)
            case "voltagebases":
                self.voltage_bases = word.vector()
                if any(base <= 0 for base in self.voltage_bases):
                    raise BadNetwork("voltage bases are above 0")
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
        self.seconds, self.timed = 0.0, False
        for name, (known, step_s, number) in _MODES.items():
            if mode.startswith(name):
                self.mode, self.step_s, self.timed = known, step_s, known == "duty"
                self.number = number or self.number
                return None
        self.mode = "snapshot"
        if not mode.startswith(("s", "di")):
            return f"mode {mode} is not carried out; the network is solved as a snapshot"
        return None


_MODES: dict[str, tuple[Mode, float, int]] = {
    "da": ("daily", 3600.0, 24),
    "y": ("yearly", 3600.0, 8760),
    "du": ("duty", 1.0, 0),
}
"""By the letters that tell them apart: seconds of a step, and how many unless told."""


def _seconds(word: Word) -> float:
    """A time in seconds, or with one of the letters s, m, h.  Raises BadNetwork."""
    text = word.text.strip().lower()
    times = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:])
    if times is None:
        return word.number()
    return Word(word.name, text[:-1], word.quoted).number() * times


def _positive(word: Word) -> float:
    found = word.number()
    if found <= 0:
        raise BadNetwork(f"{word.name}={word.text} is not above 0")
    return found


_UNDERSTOOD = (
    "loadmult", "genmult", "controlmode", "voltagebases", "defaultbasefrequency", "basefrequency",
    "frequency", "earthmodel", "mode", "loadmodel", "maxcontroliter", "maxcontroliterations",
    "number", "stepsize", "h", "hour", "sec", "time", "year",
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
