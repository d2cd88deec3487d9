"""A tariff calendar as people write it: a TOML file, and every mistake in it told at once.

    name = "VERANO26"                   # one to eight letters, digits or signs

    [[season]]
    name = "SUMMER"
    start = "10-01"                     # month and day; it lasts until the next one begins
    week = "USUAL"

    [[week]]
    name = "USUAL"
    days = [1, 1, 1, 1, 1, 2, 2]        # Monday to Sunday, by the numbers of days below

    [[day]]
    number = 1
    switch = { "00:00" = 1, "18:00" = 3, "23:00" = 1 }      # local time = tariff

    [[day]]
    number = 2
    switch = { "00:00" = 1 }

    [[special]]
    date = "09-18"                      # each year; "2027-04-02" is of one year
    day = 2

Special days have no passive side in a meter (class 11, Blue Book 4.5.4): they hold once written.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Annotated

import msgspec

from protocols.concentrator.tariff import (
    TARIFFS_MAX,
    DayProfile,
    Id,
    Season,
    SpecialDay,
    Switching,
    TariffWanted,
    WeekProfile,
)

LEAP = 2028
"""A year that has every date there is."""
MIDNIGHT = "00:00"
_NAME = re.compile(r"[!-~]{1,8}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_DATE = re.compile(r"(?:(20[0-9]{2})-)?([0-9]{2})-([0-9]{2})")


class BadCalendar(ValueError):
    """A file that is no calendar; `mistakes` are sentences, each with its place."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class _Season(_Part, frozen=True):
    name: str
    start: str
    week: str


class _Week(_Part, frozen=True):
    name: str
    days: Annotated[tuple[Id, ...], msgspec.Meta(min_length=7, max_length=7)]


class _Day(_Part, frozen=True):
    number: Id
    switch: dict[str, int]


class _Special(_Part, frozen=True):
    date: str
    day: Id


class _File(_Part, frozen=True):
    name: str
    season: Annotated[tuple[_Season, ...], msgspec.Meta(min_length=1, max_length=48)]
    week: Annotated[tuple[_Week, ...], msgspec.Meta(min_length=1, max_length=48)]
    day: Annotated[tuple[_Day, ...], msgspec.Meta(min_length=1, max_length=48)]
    special: Annotated[tuple[_Special, ...], msgspec.Meta(max_length=48)] | None = None


def parse(text: str) -> TariffWanted:
    """The calendar in a TOML text, without a time to activate it.  Raises `BadCalendar`."""
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadCalendar([str(error)]) from error
    if mistakes := list(_mistakes(file)):
        raise BadCalendar(mistakes)
    return TariffWanted(
        name=file.name,
        seasons=tuple(_season(each) for each in file.season),
        weeks=tuple(WeekProfile(each.name, each.days) for each in file.week),
        days=tuple(DayProfile(each.number, _switchings(each.switch)) for each in file.day),
        special_days=None if file.special is None else tuple(map(_special, file.special)),
    )


def _mistakes(file: _File) -> Iterator[str]:
    for what, name in _named(file):
        if _NAME.fullmatch(name) is None:
            yield f"{what}: a name has one to eight letters, digits or signs, not {name!r}"
    weeks, days = {each.name for each in file.week}, {each.number for each in file.day}
    yield from _twice("season", (each.name for each in file.season))
    yield from _twice("season that starts on", (each.start for each in file.season))
    yield from _twice("week", (each.name for each in file.week))
    yield from _twice("day", (str(each.number) for each in file.day))
    yield from _twice("special day", (each.date for each in file.special or ()))
    for season in file.season:
        where = f"season {season.name}"
        if (found := _DATE.fullmatch(season.start)) is None or found[1] or _day_of(found) is None:
            yield f"{where}: start takes a month and a day like 10-01, not {season.start!r}"
        if season.week not in weeks:
            yield f"{where}: there is no week {season.week!r}"
    for week in file.week:
        for number in sorted({*week.days} - days):
            yield f"week {week.name}: there is no day {number}"
    for day in file.day:
        yield from _mistakes_of_day(day)
    for special in file.special or ():
        where = f"special day {special.date}"
        if (found := _DATE.fullmatch(special.date)) is None or _day_of(found) is None:
            yield f"{where}: date takes 09-18, or 2027-04-02 for one year, and must exist"
        if special.day not in days:
            yield f"{where}: there is no day {special.day}"


def _named(file: _File) -> Iterator[tuple[str, str]]:
    yield "calendar", file.name
    yield from (("season", each.name) for each in file.season)
    yield from (("week", each.name) for each in file.week)


def _mistakes_of_day(day: _Day) -> Iterator[str]:
    where = f"day {day.number}"
    if not any(_seconds(text) == 0 for text in day.switch):
        yield f"{where}: says no tariff for {MIDNIGHT}"
    for text, tariff in day.switch.items():
        if _seconds(text) is None:
            yield f"{where}: {text!r} is no time of a day like 18:00"
        if not 1 <= tariff <= TARIFFS_MAX:
            yield f"{where}: tariffs are 1 to {TARIFFS_MAX}, not {tariff}"
    yield from (
        f"{where}: {seconds} s after midnight comes twice"
        for seconds in _repeated(_seconds(text) for text in day.switch)
        if seconds is not None
    )


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    yield from (f"there are two: {what} {name}" for name in _repeated(names))


def _repeated(values: Iterable[str | int | None]) -> list[str | int | None]:
    seen: dict[str | int | None, int] = {}
    for value in values:
        seen[value] = seen.get(value, 0) + 1
    return [value for value, count in seen.items() if count > 1]


def _seconds(text: str) -> int | None:
    if (found := _TIME.fullmatch(text)) is None:
        return None
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)


def _day_of(found: re.Match[str]) -> date | None:
    try:
        return date(int(found[1] or LEAP), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _switchings(switch: dict[str, int]) -> tuple[Switching, ...]:
    found = ((_seconds(text) or 0, tariff) for text, tariff in switch.items())
    return tuple(Switching(at_s, tariff) for at_s, tariff in sorted(found))


def _season(each: _Season) -> Season:
    _, month, day = _parts(each.start)
    return Season(each.name, month, day, each.week)


def _special(each: _Special) -> SpecialDay:
    year, month, day = _parts(each.date)
    return SpecialDay(month, day, each.day, year)


def _parts(text: str) -> tuple[int | None, int, int]:
    found = _DATE.fullmatch(text)
    assert found is not None, "looked at before"
    return None if found[1] is None else int(found[1]), int(found[2]), int(found[3])
