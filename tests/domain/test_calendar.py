"""Working days in the utility's zone, with the days that change their clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import holidays
import pytest

from headend.domain.calendar import WorkingDays

SANTIAGO = WorkingDays(ZoneInfo("America/Santiago"), holidays.country_holidays("CL"))


@pytest.mark.parametrize(
    ("at", "working"),
    [
        ("2026-07-06T16:00Z", True),  # Monday noon
        ("2026-07-11T03:59Z", True),  # Friday 23:59 local, Saturday in UTC
        ("2026-07-11T04:00Z", False),  # Saturday 00:00 local
        ("2026-07-13T03:59Z", False),  # Sunday 23:59 local, Monday in UTC
        ("2026-07-13T04:00Z", True),
        ("2026-09-18T15:00Z", False),  # Fiestas Patrias, a Friday
        ("2026-07-16T16:00Z", False),  # Virgen del Carmen, a Thursday
    ],
)
def test_is_working_day(at: str, working: bool) -> None:
    assert SANTIAGO.is_working_day(datetime.fromisoformat(at)) is working


@pytest.mark.parametrize(
    ("at", "next_day"),
    [
        ("2026-07-06T16:00Z", "2026-07-07T04:00Z"),
        ("2026-07-10T16:00Z", "2026-07-13T04:00Z"),  # over a weekend
        ("2026-09-17T15:00Z", "2026-09-21T03:00Z"),  # over the holidays, on summer time
        # Santiago skips 00:00-01:00 on Sunday 2026-09-06; Monday begins at 03:00Z all the same.
        ("2026-09-04T16:00Z", "2026-09-07T03:00Z"),
    ],
)
def test_next_working_day(at: str, next_day: str) -> None:
    assert SANTIAGO.next_working_day(datetime.fromisoformat(at)) == datetime.fromisoformat(next_day)


def test_a_day_whose_midnight_does_not_exist_begins_at_its_first_instant() -> None:
    saturday = datetime(2026, 9, 5, 16, tzinfo=UTC)
    assert SANTIAGO.end_of_day(saturday) == datetime(2026, 9, 6, 4, tzinfo=UTC)


def test_a_calendar_without_working_days_is_an_error() -> None:
    class Always:
        def __contains__(self, day: object) -> bool:
            return isinstance(day, date)

    with pytest.raises(ValueError, match="no working day within a month"):
        WorkingDays(ZoneInfo("UTC"), Always()).next_working_day(datetime(2026, 1, 1, tzinfo=UTC))
