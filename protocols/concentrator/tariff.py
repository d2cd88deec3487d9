"""A tariff calendar in the messages: seasons, weeks, days and special days.

The tables of an activity calendar (class 20) and of special days (class 11), Blue Book 4.5.5 and
4.5.4, by what they mean; how they are written as values is `protocols.dlms.objects.tariff`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

TARIFFS_MAX = 8
Id = Annotated[int, msgspec.Meta(ge=0, le=255)]
Month = Annotated[int, msgspec.Meta(ge=1, le=12)]
DayOfMonth = Annotated[int, msgspec.Meta(ge=1, le=31)]
TableName = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,8}\Z")]


class Switching(msgspec.Struct, frozen=True):
    """From this time of the day on a tariff counts."""

    at_s: Annotated[int, msgspec.Meta(ge=0, lt=86_400)]  # local time, seconds after midnight
    tariff: Annotated[int, msgspec.Meta(ge=1, le=TARIFFS_MAX)]


class DayProfile(msgspec.Struct, frozen=True):
    """What a kind of day switches to, and when."""

    id: Id
    switchings: Annotated[tuple[Switching, ...], msgspec.Meta(min_length=1, max_length=48)]


class WeekProfile(msgspec.Struct, frozen=True):
    """The day profiles of Monday to Sunday."""

    name: TableName
    days: Annotated[tuple[Id, ...], msgspec.Meta(min_length=7, max_length=7)]


class Season(msgspec.Struct, frozen=True):
    """A season begins on its day each year, and lasts until the next one begins."""

    name: TableName
    month: Month
    day: DayOfMonth
    week: TableName


class SpecialDay(msgspec.Struct, frozen=True, omit_defaults=True):
    """A day with a profile of its own; each year's where no year is named."""

    month: Month
    day: DayOfMonth
    profile: Id
    year: Annotated[int, msgspec.Meta(ge=2000, le=2100)] | None = None


class TariffWanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A calendar for a meter, and when it becomes the active one."""

    name: TableName
    seasons: Annotated[tuple[Season, ...], msgspec.Meta(min_length=1, max_length=48)]
    weeks: Annotated[tuple[WeekProfile, ...], msgspec.Meta(min_length=1, max_length=48)]
    days: Annotated[tuple[DayProfile, ...], msgspec.Meta(min_length=1, max_length=48)]
    special_days: tuple[SpecialDay, ...] | None = None  # left out: the meter keeps those it has
    activate_at: datetime | None = None  # left out: at once
    zone: str = "UTC"  # where the meter hangs, as the IANA names it
