"""What all meters of one type share: how they are built and delivered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from devices.meter.clients import STANDARD_CLIENTS, Client


@dataclass(frozen=True, slots=True)
class MeterType:
    """A meter model.  Hashable: the object table is made once per type."""

    phases: int = 3
    power_scaler: int = 0
    """Of the active power total, and so of the limiter's thresholds: 0 counts W, 3 counts kW."""
    control_mode: int = 4
    utc_offset_min: int = 0
    """Local standard time of the clock; the meter knows no daylight saving."""
    min_over_s: int = 60
    min_under_s: int = 60
    clients: tuple[Client, ...] = STANDARD_CLIENTS

    def __post_init__(self) -> None:
        if self.phases not in (1, 3):
            raise ValueError(f"a meter has one or three phases, not {self.phases}")
        if not 0 <= self.power_scaler <= 3:
            raise ValueError(f"scaler {self.power_scaler}: W to kW are 0 to 3")


@cache
def clients_by_sap(meter_type: MeterType) -> dict[int, Client]:
    """The clients of this type of meter."""
    return {client.sap: client for client in meter_type.clients}
