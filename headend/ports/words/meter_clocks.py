"""How meters' clocks stood."""

from __future__ import annotations

from typing import Protocol

from headend.domain.meter_clock import MeterClock
from headend.domain.upkeep import ClockMeasured


class MeterClockWords(Protocol):
    """Clocks of meters, and the clock that a concentrator holds them to."""

    def meters_within_reach(self) -> list[str]:
        """The names of all meters that orders may go to: commissioned, linked, not blocked."""
        ...

    def add_meter_clock(self, clock: MeterClock) -> None: ...

    def concentrator_clock(self, concentrator: str) -> ClockMeasured | None:
        """How a concentrator's clock stood when it was asked last."""
        ...
