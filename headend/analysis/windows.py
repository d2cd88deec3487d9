"""Which days a figure is of.

What is loaded at 05:40 of a day D is the day before yesterday, D-2, and the moving windows end with
it: Mobile 48 h is D-3 to D-2, Mobile Month D-29 to D-2, both inclusive.  Days are the utility's,
and have 23 or 25 hours where its clocks change.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Final

import numpy as np

from headend.analysis.hourly import HOUR_S, Counts
from headend.domain.utility_day import days, span_of

NEWEST_DAYS_AGO: Final = 2
MOBILE_48H_DAYS: Final = 2
MOBILE_MONTH_DAYS: Final = 28


class Window(enum.StrEnum):
    """A stretch of time that a figure is of."""

    HOUR = "hour"
    DAY = "day"
    MOBILE_48H = "mobile-48h"
    MOBILE_MONTH = "mobile-month"


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days, the first and the last among them."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"{self.last} is before {self.first}")

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return days(self.first, self.last)

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def newest_day(today: date) -> date:
    """The last day that has been loaded: the day before yesterday."""
    return today - timedelta(days=NEWEST_DAYS_AGO)


def mobile_48h(today: date) -> DayRange:
    """Mobile 48 Hrs as it stands today."""
    return _ending(newest_day(today), MOBILE_48H_DAYS)


def mobile_month(today: date) -> DayRange:
    """Mobile Month as it stands today."""
    return _ending(newest_day(today), MOBILE_MONTH_DAYS)


def moving(window: Window, today: date) -> DayRange:
    """The days of a moving window, or of the newest day.  Raises ValueError for HOUR."""
    match window:
        case Window.MOBILE_48H:
            return mobile_48h(today)
        case Window.MOBILE_MONTH:
            return mobile_month(today)
        case Window.DAY:
            return _ending(newest_day(today), 1)
        case Window.HOUR:
            raise ValueError("an hour is no window of days")


def windows_with(day: date) -> Iterator[tuple[date, Window]]:
    """Every `today` whose moving windows hold this day, with the window: what must be brought up to
    date when values of a day arrive late."""
    for window, length in (
        (Window.MOBILE_48H, MOBILE_48H_DAYS),
        (Window.MOBILE_MONTH, MOBILE_MONTH_DAYS),
    ):
        for number in range(length):
            yield day + timedelta(days=NEWEST_DAYS_AGO + number), window


def hour_ends(day: date, zone: tzinfo) -> Counts:
    """When the hours of a day end, POSIX seconds: 23, 24 or 25 of them.

    Where clocks change by half an hour the last hour is the shorter.
    """
    begin, end = span_of(day, zone)
    return np.minimum(np.arange(begin + HOUR_S, end + HOUR_S, HOUR_S, dtype=np.int64), end)


def _ending(last: date, length: int) -> DayRange:
    return DayRange(last - timedelta(days=length - 1), last)
