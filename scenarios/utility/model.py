"""The parts of a utility, from the division to the customer's meter.

`number` counts things of a kind through the whole utility, from 1.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from scenarios.utility.oddities import Oddities


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a utility is."""

    zones: int = 2
    areas: int = 2  # of a zone
    substations: int = 2  # of an area
    feeders: int = 4  # of a substation
    transformers: int = 3  # of a feeder
    meters: int = 8  # of a transformer
    vip: int = 24
    requests: int = 80

    def __post_init__(self) -> None:
        if min(self.zones, self.areas, self.substations, self.feeders, self.transformers) < 1:
            raise ValueError("a utility has at least one of each part of its grid")
        if min(self.meters, self.vip, self.requests) < 0:
            raise ValueError("there cannot be less than none")


@dataclass(frozen=True, slots=True)
class Zone:
    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Area:
    number: int
    name: str
    zone: Zone


@dataclass(frozen=True, slots=True)
class Substation:
    """`letters` are three, its own."""

    number: int
    name: str
    letters: str
    kilovolts: float
    area: Area


@dataclass(frozen=True, slots=True)
class Feeder:
    """`bay` is the number painted at its breaker; `head_meter` is the index of the meter there.
    `renamed` marks one that some systems know by an older name, `new` one that is not in the
    Unified Repository yet."""

    number: int
    bay: int
    substation: Substation
    kilometres: float
    head_meter: int
    renamed: bool
    new: bool


@dataclass(frozen=True, slots=True)
class Transformer:
    """With the concentrator at its foot, which reads the meters below it."""

    number: int
    feeder: Feeder
    kva: int
    concentrator: str


@dataclass(frozen=True, slots=True)
class Customer:
    number: int
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Meter:
    """`index` is its number in the simulated field; it follows the head meters'.  `phases` are
    those of its transformer that it hangs on, "A" to "ABC"; None where nobody chose: in turn."""

    index: int
    serial: str
    transformer: Transformer
    customer: Customer
    contracted_w: int
    phases: str | None = None


class VipKind(enum.StrEnum):
    HOSPITAL = "hospital"
    BANK = "bank"
    FINANCE = "finance"
    GOVERNMENT = "government"
    INDUSTRY = "industry"
    DEPARTMENT_STORE = "departmentStore"


@dataclass(frozen=True, slots=True)
class VipCustomer:
    number: int
    kind: VipKind
    name: str
    address: str
    demand_kw: float
    phone: str
    feeder: Feeder
    current: bool  # one that left stays in the database


class RequestKind(enum.StrEnum):
    NEW = "N"
    INSTALLATION = "M"
    LOAD = "C"
    PROVISIONAL = "P"


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """`status` is a letter: received, in progress, done, rejected (R, P, T, X)."""

    number: int
    kind: RequestKind
    zone: Zone
    customer: Customer
    email: str | None
    phone: str | None
    status: str
    received: datetime
    due: datetime | None
    load_kw: float | None = None
    present_kw: float | None = None
    days: int | None = None
    change: str | None = None


@dataclass(frozen=True, slots=True)
class Utility:
    """All of it; each tuple in order of numbers.

    `alike`: of each transformer that has advanced metering its feeder has so many; the others are
    like it, and show at the feeder's head only.  `heads`: each transformer has a meter of its own.
    """

    seed: int
    name: str
    letters: str
    zones: tuple[Zone, ...]
    areas: tuple[Area, ...]
    substations: tuple[Substation, ...]
    feeders: tuple[Feeder, ...]
    transformers: tuple[Transformer, ...]
    meters: tuple[Meter, ...]
    vip: tuple[VipCustomer, ...]
    requests: tuple[ServiceRequest, ...]
    alike: int = 1
    heads: bool = False
    oddities: Oddities = Oddities()
