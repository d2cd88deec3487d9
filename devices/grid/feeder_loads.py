"""A feeder as the loads of its meters: one behind each customer's, one at the transformer."""

from __future__ import annotations

from dataclasses import dataclass

from devices.grid.feeder import Feeder
from devices.meter.load import SLOT_S, Energy, PhaseLoad


@dataclass(frozen=True, slots=True)
class CustomerLoad:
    """The installation behind one meter, on its feeder."""

    feeder: Feeder
    meter: str

    def at(self, now: float) -> tuple[PhaseLoad, ...]:
        return self.feeder.phases(self.meter, now)

    def energy(self, now: float) -> Energy:
        return self.feeder.energy(self.meter, now)

    def next_change(self, now: float) -> float | None:
        return float((now // SLOT_S + 1) * SLOT_S)

    def switched(self, on: bool, *, now: float, without: int | None = None) -> None:
        """Current flows or not from now on; on all phases but one where that one is lost."""
        phases = tuple(
            on and phase != without for phase in range(self.feeder.connections(self.meter))
        )
        self.feeder.switched(self.meter, phases, now=now)


@dataclass(frozen=True, slots=True)
class HeadLoad:
    """What the meter at the transformer measures: customers and losses."""

    feeder: Feeder

    def at(self, now: float) -> tuple[PhaseLoad, ...]:
        found, slot = self.feeder.at(now)
        parts = (found.head_watts, found.head_vars, found.head_voltage_dv)
        return tuple(map(PhaseLoad, *(part[slot].tolist() for part in parts)))

    def energy(self, now: float) -> Energy:
        return self.feeder.head_totals(now)[0]

    def next_change(self, now: float) -> float | None:
        return float((now // SLOT_S + 1) * SLOT_S)
