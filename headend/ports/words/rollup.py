"""Days rolled up."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from headend.domain.rollup import RolledDay


class RollupWords(Protocol):
    """Days rolled up: channels by the day and by the hour."""

    def put_rolled_day(self, day: RolledDay) -> None:
        """In the place of the roll-up that there was."""
        ...

    def days_to_roll_up(self, since: date, until: date, limit: int) -> list[tuple[str, str, date]]:
        """Meter, profile and day of pages that are not as they were rolled up."""
        ...
