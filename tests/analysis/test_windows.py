"""Which days windows are of, with how many hours, and which days may be compared."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from headend.analysis import compared_days, windows
from headend.analysis.compared_days import Refusal
from headend.analysis.windows import DayRange, Window

TODAY = date(2026, 7, 30)  # a Thursday
SANTIAGO, MEXICO = ZoneInfo("America/Santiago"), ZoneInfo("America/Mexico_City")


def test_the_newest_day_is_the_day_before_yesterday() -> None:
    assert windows.newest_day(TODAY) == date(2026, 7, 28)
    assert list(windows.moving(Window.DAY, TODAY)) == [date(2026, 7, 28)]


def test_mobile_48_hours_is_the_two_days_that_end_there() -> None:
    found = windows.mobile_48h(TODAY)
    assert found == DayRange(date(2026, 7, 27), date(2026, 7, 28)) and len(found) == 2
    assert windows.moving(Window.MOBILE_48H, TODAY) == found


def test_mobile_month_is_the_twenty_eight_days_that_end_there() -> None:
    found = windows.mobile_month(TODAY)
    assert found == DayRange(date(2026, 7, 1), date(2026, 7, 28)) and len(found) == 28
    assert windows.moving(Window.MOBILE_MONTH, TODAY) == found
    assert {each.weekday() for each in found} == set(range(7))  # four of each


def test_an_hour_is_no_window_of_days() -> None:
    with pytest.raises(ValueError, match="an hour is no window of days"):
        windows.moving(Window.HOUR, TODAY)
    with pytest.raises(ValueError, match="2026-07-29 is before 2026-07-30"):
        DayRange(TODAY, TODAY - timedelta(days=1))


def test_windows_with_a_day_are_those_that_hold_it() -> None:
    day = date(2026, 7, 10)
    told = set(windows.windows_with(day))
    for back in range(-3, 40):
        today = day + timedelta(days=back)
        for window in (Window.MOBILE_48H, Window.MOBILE_MONTH):
            assert ((today, window) in told) == (day in windows.moving(window, today))


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 7, 6), SANTIAGO, 24),
        (date(2026, 4, 4), SANTIAGO, 25),  # at its end the clocks go back
        (date(2026, 9, 6), SANTIAGO, 23),  # it begins at one o'clock
        (date(2026, 4, 5), MEXICO, 24),  # no summer time since 2022
    ],
)
def test_days_have_as_many_hours_as_their_clocks_give(
    day: date, zone: ZoneInfo, hours: int
) -> None:
    ends = windows.hour_ends(day, zone)
    assert len(ends) == hours and set(ends[1:] - ends[:-1]) == {3600}
    assert ends[0] == windows.hour_ends(day - timedelta(days=1), zone)[-1] + 3600


def test_the_earlier_day_is_more_than_four_weeks_before_today() -> None:
    last = compared_days.latest_earlier(TODAY)
    assert last == TODAY - timedelta(days=29)
    later = TODAY - timedelta(days=1)
    assert compared_days.refused(last, later, TODAY) is None
    four_weeks = TODAY - timedelta(days=28)
    assert compared_days.refused(four_weeks, later, TODAY) is Refusal.EARLIER_TOO_LATE
    assert not compared_days.offered_later(four_weeks, TODAY)


def test_the_later_day_comes_after_it_and_is_over() -> None:
    first = date(2026, 6, 1)
    assert compared_days.refused(first, first, TODAY) is Refusal.LATER_NOT_AFTER
    assert compared_days.refused(first, TODAY, TODAY) is Refusal.LATER_NOT_PAST
    assert compared_days.refused(first, first + timedelta(days=1), TODAY) is None
    assert set(compared_days.SENTENCES) == set(Refusal)


def test_the_same_weekday_is_offered_first() -> None:
    first = date(2026, 6, 1)  # a Monday
    offered = compared_days.offered_later(first, TODAY)
    mondays = [date(2026, 7, 27) - timedelta(weeks=number) for number in range(8)]
    assert list(offered[:8]) == mondays
    assert offered[8] == TODAY - timedelta(days=1)
    assert all(compared_days.refused(first, each, TODAY) is None for each in offered)
    assert len(offered) == (TODAY - first).days - 1


def test_what_is_offered_may_be_compared() -> None:
    for back in range(1, 60):
        later = TODAY - timedelta(days=back)
        for earlier in compared_days.offered_earlier(later, TODAY):
            assert earlier.weekday() == later.weekday()
            assert compared_days.refused(earlier, later, TODAY) is None
    earlier, later = compared_days.first_offer(TODAY)
    assert (later, later - earlier) == (TODAY - timedelta(days=1), timedelta(weeks=4))
