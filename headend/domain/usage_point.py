"""What a customer is supplied with at a service point, and what other systems tell of devices.

A service point is a place (`domain.place`); its usage point is the supply that ends there:
contract, phases, and whose it is.  The meter that hangs there takes its contract and phases over,
whatever door they came by, because orders look at the meter's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from headend.domain.meter import Meter, RecordedPhase

PHASES: Final[dict[str, RecordedPhase]] = {
    "A": "A",
    "AN": "A",
    "B": "B",
    "BN": "B",
    "C": "C",
    "CN": "C",
    "ABC": "ABC",
    "ABCN": "ABC",
}
"""Of the phase codes of IEC 61968-9 those that a meter here is recorded on; the others (two of
three phases, split phases) stay with the usage point alone."""


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """The supply at one service point.

    `contracted_w` is the highest limit that an order may set there; `phase_code` is as IEC 61968-9
    writes it.  `related` are the commercial system's own names of what belongs to it (customer,
    account, agreement), by their CIM class.  One that is retired stays, with its history; no meter
    is hung up there any more.
    """

    code: str
    contracted_w: Decimal | None = None
    phase_code: str | None = None
    related: dict[str, str] = field(default_factory=dict)
    retired_at: datetime | None = None

    @property
    def phase(self) -> RecordedPhase | None:
        """Its phases as a meter's record has them."""
        return None if self.phase_code is None else PHASES.get(self.phase_code)

    def supplied(self, meter: Meter) -> Meter:
        """The meter as it hangs there: what nobody has told of the point it keeps."""
        return replace(
            meter,
            contracted_w=meter.contracted_w if self.contracted_w is None else self.contracted_w,
            recorded_phase=self.phase or meter.recorded_phase,
        )


class Told(enum.StrEnum):
    """What another system tells particulars of."""

    METER = "meter"
    CONCENTRATOR = "concentrator"
    USAGE_POINT = "usage-point"


@dataclass(frozen=True, slots=True)
class Particulars:
    """What another system told of an object and the head-end keeps without acting on it: lot
    number, seals, address.  `told` is JSON by the fields of its records; `mrid` the object's
    identifier in that system."""

    kind: Told
    name: str
    told: str
    mrid: str | None
    at: datetime
    who: str
