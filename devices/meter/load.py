"""What the installation behind a meter draws: the world's side of a meter.

A load is a step function of time with integer values, so that energy is an exact integer at any
moment, without simulating the moments before it.  `now` is POSIX seconds UTC.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

MS_PER_S = 1000
SLOT_S = 900
SLOTS_PER_DAY = 96
NOMINAL_DV = 2300
"""230.0 V, in the register's resolution of 0.1 V (IEC 60038)."""


@dataclass(frozen=True, slots=True)
class PhaseLoad:
    """One phase at one moment, as if the supply were on.  Active power below 0 is fed in."""

    active_w: int
    reactive_var: int = 0
    voltage_dv: int = NOMINAL_DV


@dataclass(frozen=True, slots=True)
class Energy:
    """Four integrals over time, in W·ms and var·ms: exact, and never falling."""

    active_import: int = 0
    active_export: int = 0
    reactive_import: int = 0
    reactive_export: int = 0

    def __add__(self, other: Energy) -> Energy:
        return Energy(
            self.active_import + other.active_import,
            self.active_export + other.active_export,
            self.reactive_import + other.reactive_import,
            self.reactive_export + other.reactive_export,
        )

    def __sub__(self, other: Energy) -> Energy:
        return self + other.times(-1)

    def times(self, factor: int) -> Energy:
        """Each integral multiplied."""
        return Energy(
            self.active_import * factor,
            self.active_export * factor,
            self.reactive_import * factor,
            self.reactive_export * factor,
        )


class Load(Protocol):
    """What a meter needs to know of the installation behind it.  One may serve many meters."""

    def at(self, now: float) -> tuple[PhaseLoad, ...]:
        """Each phase at this moment; as many phases as the meter has."""
        ...

    def energy(self, now: float) -> Energy:
        """The integral up to `now`, all phases together, from any origin that stays the same."""
        ...

    def next_change(self, now: float) -> float | None:
        """When `at` changes next, after `now`; None when it never does."""
        ...


@runtime_checkable
class Coupled(Protocol):
    """A load whose neighbours notice when it goes: it wants to be told of its supply."""

    def switched(self, on: bool, *, now: float, without: int | None = None) -> None:
        """Current flows or not from now on; `without` is a phase (from 0) that is lost."""
        ...


def milliseconds(now: float) -> int:
    """Time as an integer: what energy is integrated over."""
    return math.floor(now * MS_PER_S)


def power_integral(phases: tuple[PhaseLoad, ...], duration: int) -> Energy:
    """Energy of a constant load over so many milliseconds.

    Import and export are counted per phase and summed, as meters that register by phase do.
    """
    return Energy(
        sum(max(phase.active_w, 0) for phase in phases),
        sum(max(-phase.active_w, 0) for phase in phases),
        sum(max(phase.reactive_var, 0) for phase in phases),
        sum(max(-phase.reactive_var, 0) for phase in phases),
    ).times(duration)


@dataclass(frozen=True, slots=True)
class ConstantLoad:
    """The same power for ever."""

    phases: tuple[PhaseLoad, ...]
    origin: float = 0.0
    """Since when energy is counted, POSIX seconds."""

    @classmethod
    def of(cls, *active_w: int, origin: float = 0.0) -> ConstantLoad:
        """So many watts on each phase."""
        return cls(tuple(PhaseLoad(watts) for watts in active_w), origin)

    def at(self, now: float) -> tuple[PhaseLoad, ...]:
        return self.phases

    def energy(self, now: float) -> Energy:
        return power_integral(self.phases, milliseconds(now) - milliseconds(self.origin))

    def next_change(self, now: float) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class Shape:
    """A day in 96 quarter hours, each a small integer; the sums up to each slot come with it."""

    slots: tuple[int, ...]
    sums: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.slots) != SLOTS_PER_DAY or min(self.slots) < 0:
            raise ValueError(f"a day has {SLOTS_PER_DAY} slots of 0 or more")
        sums = [0]
        for slot in self.slots:
            sums.append(sums[-1] + slot)
        object.__setattr__(self, "sums", tuple(sums))


HOUSEHOLD = Shape(
    tuple(
        level
        for hours, level in (
            (6, 12), (1, 20), (2, 40), (4, 26), (2, 36), (4, 24), (2, 52), (2, 64), (1, 30),
        )
        for _ in range(4 * hours)
    )
)  # fmt: skip
"""A household's day, UTC, in per cent of its highest quarter hour.  Invented: two meals and an
evening; it stands in until the grid model gives loads."""


@lru_cache(maxsize=4096)
def _unit_power(unit_w: tuple[int, ...], unit_var: tuple[int, ...]) -> Energy:
    """What one step of a shape gives in one millisecond; many installations share their units."""
    return power_integral(tuple(map(PhaseLoad, unit_w, unit_var)), 1)


@dataclass(frozen=True, slots=True)
class DailyLoad:
    """Every day the same shape: so many watts and vars on each phase for each step of it."""

    unit_w: tuple[int, ...]
    unit_var: tuple[int, ...]
    shape: Shape = HOUSEHOLD
    origin_day: int = 18_262  # 2020-01-01, days since 1970

    def __post_init__(self) -> None:
        if len(self.unit_w) != len(self.unit_var):
            raise ValueError("watts and vars are of the same phases")

    def at(self, now: float) -> tuple[PhaseLoad, ...]:
        level = self.shape.slots[int(now // SLOT_S) % SLOTS_PER_DAY]
        return tuple(
            PhaseLoad(watts * level, var * level)
            for watts, var in zip(self.unit_w, self.unit_var, strict=True)
        )

    def energy(self, now: float) -> Energy:
        slot_ms = SLOT_S * MS_PER_S
        slots, within = divmod(milliseconds(now), slot_ms)
        days, slot = divmod(slots, SLOTS_PER_DAY)
        steps = (days - self.origin_day) * self.shape.sums[-1] + self.shape.sums[slot]
        unit = _unit_power(self.unit_w, self.unit_var)
        return unit.times(steps * slot_ms + self.shape.slots[slot] * within)

    def energies(self, now_ms: Integers) -> Integers:
        """The integrals up to many moments, four rows as the fields of `Energy`."""
        import numpy as np  # a meter that answers for one moment needs none of it

        slot_ms = SLOT_S * MS_PER_S
        slots, within = np.divmod(now_ms, slot_ms)
        days, slot = np.divmod(slots, SLOTS_PER_DAY)
        sums, shape = np.array(self.shape.sums), np.array(self.shape.slots)
        steps = (days - self.origin_day) * self.shape.sums[-1] + sums[slot]
        unit = _unit_power(self.unit_w, self.unit_var)
        units = (
            unit.active_import, unit.active_export, unit.reactive_import, unit.reactive_export
        )  # fmt: skip
        found: Integers = np.array([units]).T * (steps * slot_ms + shape[slot] * within)
        return found

    def powers(self, now_s: Integers) -> tuple[Integers, Integers, Integers]:
        """Watts, vars and tenths of volts at many moments, each phases x moments."""
        import numpy as np

        level = np.array(self.shape.slots)[now_s // SLOT_S % SLOTS_PER_DAY]
        watts, var = np.array([self.unit_w]).T * level, np.array([self.unit_var]).T * level
        return watts, var, np.full(watts.shape, NOMINAL_DV)

    def next_change(self, now: float) -> float | None:
        first = int(now // SLOT_S)
        slots = self.shape.slots
        for ahead in range(1, SLOTS_PER_DAY + 1):
            if slots[(first + ahead) % SLOTS_PER_DAY] != slots[first % SLOTS_PER_DAY]:
                return float((first + ahead) * SLOT_S)
        return None
