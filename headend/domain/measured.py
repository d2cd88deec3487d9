"""What meters measure, as other systems ask for it: quantities by name, in base units.

Logical names are those of IEC 62056-6-1 (electricity, C by quantity, D by processing); measurement
and phases are in the words of IEC 61970-301.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

PROFILE = "1.0.99.1.0.255"
"""The load profile with its capture period 1: history is its rows."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """`word` names it among those of a meter; it is not a part of any other's name."""

    name: str  # logical name
    word: str
    measurement: str
    phases: str
    unit: str  # symbol of the base unit, in which values are told
    code: int  # of that unit in the Blue Book's table


def _per_phase(c_names: str, word: str, measurement: str, unit: str, code: int) -> list[Quantity]:
    return [
        Quantity(f"1.0.{c}.7.0.255", f"{word}{phase}", measurement, phase, unit, code)
        for c, phase in zip(c_names.split(), "ABC", strict=True)
    ]


QUANTITIES = (
    Quantity("1.0.1.8.0.255", "EnergyImport", "ActiveEnergyImport", "ABC", "Wh", 30),
    Quantity("1.0.2.8.0.255", "EnergyExport", "ActiveEnergyExport", "ABC", "Wh", 30),
    Quantity("1.0.3.8.0.255", "ReactiveEnergyImport", "ReactiveEnergyImport", "ABC", "VArh", 32),
    Quantity("1.0.4.8.0.255", "ReactiveEnergyExport", "ReactiveEnergyExport", "ABC", "VArh", 32),
    Quantity("1.0.1.7.0.255", "PowerImport", "ThreePhaseActivePower", "ABC", "W", 27),
    Quantity("1.0.2.7.0.255", "PowerExport", "ThreePhaseActivePowerExport", "ABC", "W", 27),
    Quantity("1.0.3.7.0.255", "ReactivePowerImport", "ThreePhaseReactivePower", "ABC", "VAr", 29),
    *_per_phase("21 41 61", "PowerImport", "ActivePower", "W", 27),
    *_per_phase("32 52 72", "Voltage", "PhaseVoltage", "V", 35),
    *_per_phase("31 51 71", "Current", "LineCurrent", "A", 33),
    Quantity("1.0.13.7.0.255", "PowerFactor", "PowerFactor", "ABC", "none", 255),
    Quantity("1.0.14.7.0.255", "Frequency", "Frequency", "ABC", "Hz", 44),
)
BY_NAME = {each.name: each for each in QUANTITIES}
BY_WORD = {each.word: each for each in QUANTITIES}


@dataclass(frozen=True, slots=True)
class Measured:
    """A value at a time; None where the meter gave none.  `doubtful`: its time is."""

    at: datetime
    value: float | None
    doubtful: bool = False
