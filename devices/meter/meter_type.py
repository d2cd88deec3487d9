"""What all meters of one type share: how they are built and delivered."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Literal, get_args

from devices.meter.clients import STANDARD_CLIENTS, Client
from devices.meter.meter_clock import NOT_SPECIFIED, TimeRules
from devices.meter.template import RecordedObject
from devices.meter.timeline import Timeline

FIRMWARE = "ami-sim-1"

Feature = Literal[
    "export",
    "reactive",
    "tariffs",
    "demand",
    "billing",
    "disconnector",
    "load-relay",
    "events",
    "image",
    "push",
    "monitor",
    "instruments",
]
"""Groups of objects that a model has or has not."""

FEATURES: frozenset[Feature] = frozenset(get_args(Feature))


@dataclass(frozen=True, slots=True)
class MeterType:
    """A meter model.  Hashable: the object table is made once per type."""

    phases: int = 3
    power_scaler: int = 0
    """Of the active power total, and so of the limiter's thresholds: 0 counts W, 3 counts kW."""
    control_mode: int = 4
    utc_offset_min: int = 0
    """Local standard time of the clock as delivered."""
    min_over_s: int = 60
    min_under_s: int = 60
    clients: tuple[Client, ...] = STANDARD_CLIENTS
    name: str = "standard"
    """What `--model` and scenarios call it."""
    maker: str = "SIM"
    """Three letters, before its number and in its system title."""
    hardware: str = "SIM-3P"
    """What an image must be made for, to be taken."""
    firmware: str = FIRMWARE
    energy_scaler: int = 0
    """Of the energy registers: 0 counts Wh, 3 counts kWh."""
    current_ratio: tuple[int, int] = (1, 1)
    """Of its current transformers, primary and secondary amperes; (1, 1) measures directly."""
    capture_period_s: int = 900
    profile_entries: int = 40 * 96
    """Forty days: what a back-fill after a month without communication needs."""
    load_registers: tuple[str, ...] = ()
    """Logical names of the registers that the load profile captures; none: the energies."""
    demand_period_s: int = 900
    demand_periods: int = 1
    """Of the demand registers: the average is over so many periods."""
    push_protected: bool = False
    """Whether pushes leave ciphered, under a key of their own."""
    push_by_module: bool = False
    """Whether alarms, last gasps and returns of power go to the meter's module, as delivered."""
    association_version: int = 1
    security_setup_version: int = 0
    dst_begin: bytes = NOT_SPECIFIED
    dst_end: bytes = NOT_SPECIFIED
    dst_deviation_min: int = 0
    features: frozenset[Feature] = FEATURES
    quirks: frozenset[str] = field(default=frozenset())
    """Faults that every meter of this model has, by their names in `faults.FAULTS`."""
    recorded: tuple[RecordedObject, ...] = ()
    """Of a template: the objects that a real meter had.  None: this model's own."""
    _hash: int = field(init=False, repr=False, compare=False, default=0)
    """Computed once: tables of objects are found by it at every request."""

    def __hash__(self) -> int:
        return self._hash

    def __post_init__(self) -> None:
        if self.phases not in (1, 3):
            raise ValueError(f"a meter has one or three phases, not {self.phases}")
        if not 0 <= self.power_scaler <= 3 or not 0 <= self.energy_scaler <= 3:
            raise ValueError("scalers of W and Wh to kW and kWh are 0 to 3")
        if not 0 <= self.association_version <= 3:
            raise ValueError(f"class 15 has the versions 0 to 3, not {self.association_version}")
        if not 60 <= self.capture_period_s <= 86_400 or 86_400 % self.capture_period_s:
            raise ValueError(f"{self.capture_period_s} s do not divide a day")
        if not self.features <= FEATURES:
            raise ValueError(f"unknown features: {', '.join(sorted(self.features - FEATURES))}")
        compared = tuple(getattr(self, each.name) for each in fields(self) if each.compare)
        object.__setattr__(self, "_hash", hash(compared))

    @property
    def rules(self) -> TimeRules:
        """How its clock is delivered."""
        return TimeRules(
            self.utc_offset_min,
            self.dst_begin,
            self.dst_end,
            self.dst_deviation_min,
            self.dst_deviation_min != 0,
        )


@cache
def clients_by_sap(meter_type: MeterType) -> dict[int, Client]:
    """The clients of this type of meter."""
    return {client.sap: client for client in meter_type.clients}


@cache
def undisturbed(meter_type: MeterType) -> Timeline:
    """The time of a meter of this type that nobody ever set."""
    return Timeline.undisturbed(meter_type.rules)
