"""ReadingType codes: what a reading is, in 18 numbers (IEC 61968-9, annex C).

    0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0
    macroPeriod.aggregate.measuringPeriod.accumulation.flowDirection.commodity.measurementKind.
    interharmonic numerator and denominator.argument numerator and denominator.
    tou.cpp.consumptionTier.phases.multiplier.unit.currency

The numbers' meanings are data, as far as they are public; a number without a word stays a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final, Literal

Language = Literal["en", "es"]

_NUMBER: Final = re.compile(r"-?\d{1,5}", re.ASCII)  # multiplier alone is below zero: milli is -3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingType:
    """The 18 fields, in the order of the code.  0 says "not applicable", or that nothing of the
    kind is said."""

    macro_period: int = 0
    aggregate: int = 0
    measuring_period: int = 0
    accumulation: int = 0
    flow_direction: int = 0
    commodity: int = 0
    measurement_kind: int = 0
    interharmonic_numerator: int = 0
    interharmonic_denominator: int = 0
    argument_numerator: int = 0
    argument_denominator: int = 0
    tou: int = 0
    cpp: int = 0
    consumption_tier: int = 0
    phases: int = 0
    multiplier: int = 0
    unit: int = 0
    currency: int = 0

    def __post_init__(self) -> None:
        for name in FIELDS:
            if getattr(self, name) < 0 and name != "multiplier":
                raise ValueError(f"{name} is not below zero")

    def __str__(self) -> str:
        return ".".join(str(getattr(self, name)) for name in FIELDS)


FIELDS: Final = tuple(item.name for item in fields(ReadingType))


def parse(text: str) -> ReadingType:
    """A code as others write it: blanks around it and leading zeros make no difference.

    Raises `ValueError` for anything that is not 18 numbers.
    """
    parts = text.strip().split(".")
    if len(parts) != len(FIELDS) or not all(map(_NUMBER.fullmatch, parts)):
        raise ValueError(f"not a reading type: {text[:80]!r}")
    return ReadingType(**dict(zip(FIELDS, map(int, parts), strict=True)))


def _words(text: str) -> Mapping[int, tuple[str, str]]:
    rows = (line.split("|") for line in text.strip().splitlines())
    return MappingProxyType({int(number): (english, spanish) for number, english, spanish in rows})


# number|English|Spanish
WORDS: Final[Mapping[str, Mapping[int, tuple[str, str]]]] = MappingProxyType(
    {
        "macro_period": _words("8|billing period|período de facturación\n11|daily|diario\n"
                               "13|monthly|mensual"),
        "aggregate": _words("2|average|promedio\n8|maximum|máximo"),
        "measuring_period": _words("2|15 min|15 min\n7|60 min|60 min"),
        "accumulation": _words("1|bulk register|registro total\n3|cumulative|acumulado\n"
                               "4|delta|diferencia\n6|indicating|indicado\n"
                               "12|instantaneous|instantáneo"),
        "flow_direction": _words("1|import|importada\n15|quadrant I|cuadrante I\n"
                                 "16|quadrant II|cuadrante II\n17|quadrant III|cuadrante III\n"
                                 "18|quadrant IV|cuadrante IV\n19|export|exportada"),
        "commodity": _words("1|secondary metered electricity|electricidad, lado secundario"),
        "measurement_kind": _words("4|current|corriente\n8|demand|demanda\n12|energy|energía\n"
                                   "15|frequency|frecuencia\n37|power|potencia\n"
                                   "38|power factor|factor de potencia\n"
                                   "54|voltage, rms|tensión eficaz\n"
                                   "121|demand limit|límite de potencia\n158|voltage|tensión"),
        "phases": _words("32|phase C|fase C\n64|phase B|fase B\n128|phase A|fase A\n"
                         "224|phases ABC|fases ABC"),
        "multiplier": _words("-3|milli|mili\n3|kilo|kilo\n6|mega|mega"),
        "unit": _words("5|A|A\n29|V|V\n33|Hz|Hz\n38|W|W\n61|VA|VA\n63|var|var\n"
                       "65|cos φ|cos φ\n72|Wh|Wh\n73|varh|varh"),
    }
)  # fmt: skip
_PREFIX: Final = {-3: "m", 3: "k", 6: "M"}
_SAID: Final = (
    "measurement_kind", "flow_direction", "phases", "macro_period", "measuring_period",
    "aggregate", "accumulation",
)  # fmt: skip


def unit_text(of: ReadingType) -> str:
    """The unit with its prefix, e.g. kWh; empty where the number is not known."""
    word = WORDS["unit"].get(of.unit, ("", ""))[0]
    return _PREFIX.get(of.multiplier, "" if of.multiplier == 0 else f"10^{of.multiplier} ") + word


def describe(of: ReadingType, language: Language = "en") -> str:
    """A reading type in words, e.g. "energy, import, 15 min, delta, kWh"."""
    column = 1 if language == "es" else 0
    said = []
    for name in _SAID:
        number = getattr(of, name)
        if number:
            words = WORDS[name].get(number)
            said.append(words[column] if words else f"{name} {number}")
    if of.tou:
        said.append(f"{'tarifa' if language == 'es' else 'tariff'} {of.tou}")
    return ", ".join([*said, *filter(None, [unit_text(of)])])
