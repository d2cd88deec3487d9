"""What flows through the meter just now: volts, amperes, watts and vars of each phase, and angles.

An unknown meter tells by its object list which of these it has; the scalers are asked for once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from headend.app.probe import Progress
from headend.models import Model
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.association import ObjectList
from protocols.dlms.objects.units import ScalerUnit
from protocols.dlms.procedures import is_register, read_attributes, read_registers
from protocols.dlms.services import AttributeDescriptor, GetResult
from protocols.dlms.values import Value
from tools.probe.talk import Stopped, Talk

REGISTER = 3
PHASE_GROUPS = (20, 40, 60)  # value group C of L1, L2, L3 (Blue Book 7.5.1)
IMPORT, EXPORT, INDUCTIVE, CAPACITIVE, CURRENT, VOLTAGE, NET = 1, 2, 3, 4, 11, 12, 16
ANGLES = ("1.0.81.7.1.255", "1.0.81.7.2.255")  # of U(L2) and U(L3) against U(L1)
TOTALS = {  # their codes in words
    "1.0.1.7.0.255": "import",
    "1.0.2.7.0.255": "export-power",
    "1.0.3.7.0.255": "inductive",
    "1.0.14.7.0.255": "frequency",
    "1.0.1.8.0.255": "energy-import",
    "1.0.2.8.0.255": "energy-export",
}
ASSUMED_DEG = (0.0, -120.0, -240.0)  # of a meter that does not tell its angles


def _of_phase(quantity: int) -> list[str]:
    return [f"1.0.{group + quantity}.7.0.255" for group in PHASE_GROUPS]


_QUANTITIES = (VOLTAGE, CURRENT, NET, IMPORT, EXPORT, INDUCTIVE, CAPACITIVE)
WANTED = (*(name for quantity in _QUANTITIES for name in _of_phase(quantity)), *ANGLES, *TOTALS)


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase; None for what the meter does not tell."""

    voltage_v: float | None = None
    current_a: float | None = None
    power_w: float | None = None  # negative: into the grid
    reactive_var: float | None = None  # negative: capacitive
    angle_deg: float = 0.0  # of the voltage, counter-clockwise from that of L1

    @property
    def shift_deg(self) -> float | None:
        """By how much the current lags the voltage."""
        if self.power_w is None or self.reactive_var is None:
            return None
        if not self.power_w and not self.reactive_var:
            return None
        return math.degrees(math.atan2(self.reactive_var, self.power_w))

    @property
    def power_factor(self) -> float | None:
        """Of active and apparent power."""
        shift = self.shift_deg
        return None if shift is None else math.cos(math.radians(shift))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at the meter."""

    at: datetime
    phases: tuple[Phase, ...]
    totals: tuple[tuple[str, Decimal, str], ...] = ()  # code, number, unit
    angles_assumed: bool = True

    @property
    def power_w(self) -> float:
        """All phases together."""
        return sum(phase.power_w or 0.0 for phase in self.phases)


class Live:
    """Reads snapshots in one talk."""

    def __init__(self, talk: Talk, names: Sequence[LogicalName]) -> None:
        self._talk = talk
        self._names = list(names)
        self._scales: dict[LogicalName, ScalerUnit | None] | None = None

    @classmethod
    async def of(cls, talk: Talk, progress: Callable[[Progress], None] | None = None) -> Live:
        """What the meter's object list offers, or else what its model names."""
        try:
            names = _listed(await talk.objects(progress))
        except Stopped as stopped:
            if not str(stopped.failure.reason).startswith("refused"):
                raise
            names = _named(talk.model)
        return cls(talk, names)

    async def look(self) -> Snapshot:
        """Raises `Stopped`."""
        if self._scales is None:
            found = await self._talk.do(read_registers([(REGISTER, each) for each in self._names]))
            self._scales = {each.instance: each.scale for each in found}
            values: Iterable[GetResult] = [each.value for each in found]
        else:
            asked = [AttributeDescriptor(REGISTER, each, 2) for each in self._names]
            values = await self._talk.do(read_attributes(asked))
        numbers: dict[str, tuple[Decimal, str]] = {}
        for name, value in zip(self._names, values, strict=True):
            scale = self._scales[name]
            quantity = scale.apply(value) if scale and isinstance(value, Value) else None
            if quantity is not None:
                numbers[str(name)] = (quantity.number, quantity.unit)
        return snapshot(self._talk.desk.now(), numbers)


def _listed(objects: ObjectList) -> list[LogicalName]:
    there = {each.instance for each in objects if is_register(each) and each.class_id == REGISTER}
    return [name for name in map(LogicalName, WANTED) if name in there]


def _named(model: Model) -> list[LogicalName]:
    known = {each.logical_name for each in model.objects.values() if each.class_id == REGISTER}
    return [name for name in map(LogicalName, WANTED) if name in known]


def snapshot(at: datetime, numbers: dict[str, tuple[Decimal, str]]) -> Snapshot:
    """The phases that have a voltage or a current, of readings by their names."""

    def of(quantity: int, phase: int) -> float | None:
        found = numbers.get(_of_phase(quantity)[phase])
        return None if found is None else float(found[0])

    told = [numbers.get(name) for name in ANGLES]
    angles = [0.0, *(float(each[0]) for each in told if each is not None)]
    assumed = len(angles) < len(PHASE_GROUPS)
    phases = [
        Phase(
            of(VOLTAGE, at_phase),
            of(CURRENT, at_phase),
            _balance(of(NET, at_phase), of(IMPORT, at_phase), of(EXPORT, at_phase)),
            _balance(None, of(INDUCTIVE, at_phase), of(CAPACITIVE, at_phase)),
            (ASSUMED_DEG if assumed else angles)[at_phase],
        )
        for at_phase in range(len(PHASE_GROUPS))
    ]
    while len(phases) > 1 and phases[-1].voltage_v is None and phases[-1].current_a is None:
        phases.pop()
    totals = tuple((code, *numbers[name]) for name, code in TOTALS.items() if name in numbers)
    return Snapshot(at, tuple(phases), totals, assumed and len(phases) > 1)


def _balance(net: float | None, there: float | None, back: float | None) -> float | None:
    """The signed value, from itself or from its two directions."""
    if net is not None:
        return net
    if there is None and back is None:
        return None
    return (there or 0.0) - (back or 0.0)
