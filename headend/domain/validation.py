"""What was found odd in a day's raw rows, and what stands in where one is missing.

It is kept apart from the rows, which nobody changes: whoever wants values of which all are there
takes the raw ones, and an estimate only where there is none.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime


class Check(enum.StrEnum):
    """What a row, a value or a reading failed."""

    SPIKE = "spike"  # far more in an interval than in the day's other ones
    NEGATIVE = "negative"  # a register ran back, or a quantity that has no sign was below nought
    CLOCK = "clock"  # the meter's clock was doubtful, ahead, or the row stands between two periods
    DUPLICATE = "duplicate"  # its interval came again and said something else
    REGISTER = "register"  # a register that was read apart contradicts the profile


class Method(enum.StrEnum):
    """How an estimate was made."""

    LINEAR = "linear"  # evenly between what is known before and after
    LIKE_DAY = "like-day"  # in the shape of the same intervals a week before


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd at a time (POSIX seconds); `channel` is a logical name, empty where it is of
    the row."""

    check: Check
    at: int
    channel: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What stands in for the missing value of a channel at an interval's end, counted as the meter
    counts."""

    at: int
    channel: str
    value: int
    method: Method


@dataclass(frozen=True, slots=True)
class ValidatedDay:
    """What came of looking at a day.  `raw_at` tells how new the rows were: those that came since
    have not been looked at."""

    meter: str
    profile: str
    day: date
    raw_at: datetime
    checked_at: datetime
    findings: tuple[Finding, ...] = ()
    estimates: tuple[Estimate, ...] = ()
