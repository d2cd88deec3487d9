"""Tariff calendars as files: what a right one says, and every mistake of a wrong one."""

from __future__ import annotations

import pytest

from headend.registry.tariff_file import BadCalendar, parse
from protocols.concentrator.tariff import (
    DayProfile,
    Season,
    SpecialDay,
    Switching,
    WeekProfile,
)

RIGHT = """
name = "VERANO26"
season = [{ name = "S", start = "10-01", week = "W" }, { name = "T", start = "02-29", week = "W" }]
week = [{ name = "W", days = [1, 1, 1, 1, 1, 2, 2] }]
day = [
  { number = 1, switch = { "18:00" = 3, "00:00" = 1, "23:00:30" = 2 } },
  { number = 2, switch = { "00:00" = 1 } },
]
special = [{ date = "09-18", day = 2 }, { date = "2027-04-02", day = 1 }]
"""


def test_a_calendar() -> None:
    found = parse(RIGHT)
    assert found.seasons == (Season("S", 10, 1, "W"), Season("T", 2, 29, "W"))
    assert found.weeks == (WeekProfile("W", (1, 1, 1, 1, 1, 2, 2)),)
    assert found.days == (
        DayProfile(1, (Switching(0, 1), Switching(64_800, 3), Switching(82_830, 2))),
        DayProfile(2, (Switching(0, 1),)),
    )
    assert found.special_days == (SpecialDay(9, 18, 2), SpecialDay(4, 2, 1, 2027))
    assert found.activate_at is None


def test_without_special_days_the_meter_keeps_its_own() -> None:
    kept, none = RIGHT[: RIGHT.index("special")], RIGHT[: RIGHT.index("special")] + "special = []"
    assert parse(kept).special_days is None
    assert parse(none).special_days == ()


WRONG = {
    ('start = "10-01"', 'start = "02-30"'): "season S: start takes a month and a day",
    ('start = "10-01"', 'start = "2026-10-01"'): "season S: start takes a month and a day",
    ('start = "10-01"', 'start = "02-29"'): "there are two: season that starts on 02-29",
    ('name = "T"', 'name = "S"'): "there are two: season S",
    ('start = "10-01", week = "W"', 'start = "10-01", week = "X"'): "season S: there is no week",
    ("[1, 1, 1, 1, 1, 2, 2]", "[1, 1, 1, 1, 1, 2, 7]"): "week W: there is no day 7",
    ("[1, 1, 1, 1, 1, 2, 2]", "[1, 1, 1, 1, 1, 2]"): "length >= 7",
    ("number = 2", "number = 1"): "there are two: day 1",
    ('"00:00" = 1, ', ""): "day 1: says no tariff for 00:00",
    ('"18:00" = 3', '"24:00" = 3'): "day 1: '24:00' is no time of a day",
    ('"18:00" = 3', '"18:00" = 9'): "day 1: tariffs are 1 to 8, not 9",
    ('"18:00" = 3', '"18:00" = 3, "18:00:00" = 2'): "day 1: 64800 s after midnight comes twice",
    ('date = "09-18"', 'date = "09-31"'): "special day 09-31: date takes",
    ('date = "09-18", day = 2', 'date = "09-18", day = 5'): "special day 09-18: there is no day 5",
    ('date = "2027-04-02"', 'date = "09-18"'): "there are two: special day 09-18",
    ('name = "VERANO26"', 'name = "VERANO2026"'): "calendar: a name has one to eight",
    ('name = "VERANO26"', 'name = "VERANO26"\ncolour = 1'): "unknown field `colour`",
    ('name = "VERANO26"', 'name = "VERANO26'): "Illegal character",
}


@pytest.mark.parametrize(("change", "told"), WRONG.items(), ids=WRONG.values())
def test_a_mistake_is_told_with_its_place(change: tuple[str, str], told: str) -> None:
    assert RIGHT.count(change[0]) >= 1
    with pytest.raises(BadCalendar) as caught:
        parse(RIGHT.replace(*change, 1))
    assert any(told in mistake for mistake in caught.value.mistakes), caught.value.mistakes


def test_all_mistakes_are_told_at_once() -> None:
    wrong = RIGHT.replace('"18:00" = 3', '"25:00" = 9').replace("2, 2]", "2, 7]")
    with pytest.raises(BadCalendar) as caught:
        parse(wrong)
    assert len(caught.value.mistakes) == 3
