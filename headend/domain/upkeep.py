"""What is known of how a concentrator fares: what it told last, and how its clock stood."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from protocols.concentrator.upkeep import State


@dataclass(frozen=True, slots=True)
class KnownState:
    """The last word of a concentrator on itself."""

    concentrator: str
    received_at: datetime
    state: State


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A concentrator came on line or went off it, as its status topic told."""

    concentrator: str
    at: datetime  # when the head-end heard
    online: bool
    boot: int  # counts the device's starts
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class ClockMeasured:
    """How a concentrator's clock stood at a time: ahead by `offset_s`, known to `error_s`.

    `shifted_s`: by so much it was shifted thereupon, 0 where it was left alone.
    """

    concentrator: str
    at: datetime
    offset_s: float
    error_s: float
    shifted_s: float = 0.0


@dataclass(frozen=True, slots=True)
class HourHeard:
    """Keep-alives of a meter's module in one hour, as its concentrator counted them."""

    concentrator: str
    meter: str
    hour: datetime
    heard: int
    asked: int
