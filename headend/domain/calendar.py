"""Working days: Monday to Friday, except the country's holidays, in the utility's time zone.

The use case lets supply be cut or limited remotely on working days only, unless the order says
otherwise (seed 004, Precondiciones).
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """`holidays` answers `day in holidays`; `zone` is the utility's."""

    zone: tzinfo
    holidays: Container[date]

    def is_working_day(self, at: datetime) -> bool:
        day = at.astimezone(self.zone).date()
        return day.weekday() < SATURDAY and day not in self.holidays

    def end_of_day(self, at: datetime) -> datetime:
        """The first instant (UTC) of the local day after `at`."""
        return self._start(at.astimezone(self.zone).date() + timedelta(days=1))

    def next_working_day(self, at: datetime) -> datetime:
        """The first instant (UTC) of the first working day after `at`'s local day."""
        day = at.astimezone(self.zone).date()
        # No country closes for a month; the bound turns a wrong holiday table into an error.
        for _ in range(31):
            day += timedelta(days=1)
            if day.weekday() < SATURDAY and day not in self.holidays:
                return self._start(day)
        raise ValueError(f"no working day within a month of {at.isoformat()}")

    def _start(self, day: date) -> datetime:
        # Santiago skips 00:00 on a September Sunday; through UTC it lands on the first instant.
        return datetime.combine(day, time(), self.zone).astimezone(UTC)
