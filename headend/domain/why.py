"""Why a meter is not reading: what came of it lately, and the verdict."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from headend.domain.cause import REGISTRY, Cause
from headend.domain.event import Event
from headend.domain.meter import Meter
from headend.domain.order import Order
from headend.domain.upkeep import HourHeard, SessionChange

IN_TIME = timedelta(hours=24)
"""What is younger may still be on its way: 98 % of intervals come within 24 h, our goal."""


class Verdict(enum.StrEnum):
    """How it stands with a meter's values."""

    READS = "reads"  # whatever had 24 hours to come is here
    GAPS = "gaps"  # the newest come, and some are missing
    SILENT = "silent"  # none of the last 24 hours and more
    NOT_EXPECTED = "not-expected"  # it is not ours to read


@dataclass(frozen=True, slots=True)
class HourHeld:
    """Of the intervals that end within an hour: how many had to come, and how many did."""

    due: int
    here: int


@dataclass(frozen=True, slots=True)
class DayHeld:
    """A day of the utility's calendar, and its hours from its midnight on: 23, 24 or 25."""

    day: date
    begin: datetime
    expected: int
    due: int
    received: int
    hours: tuple[HourHeld, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """What is known of why a meter reads or does not; lists begin with the latest, days and hours
    with the earliest.

    `missing` are intervals of these days that had 24 hours to come, of `ripe` such ones; `last_at`
    is the end of the newest interval that is here, of whatever day.  Where nothing is due yet,
    `ours_since` tells since when the meter is ours to read, and `first_due` the end of its first
    interval to come; None where it is not ours now.
    """

    meter: Meter
    profile: str
    now: datetime
    days: tuple[DayHeld, ...]
    ripe: int
    missing: int
    last_at: datetime | None
    causes: tuple[Cause, ...]
    orders: tuple[Order, ...]
    events: tuple[Event, ...]
    heard: tuple[HourHeard, ...]  # its module's keep-alives
    sessions: tuple[SessionChange, ...]  # of its concentrator
    ours_since: datetime | None = None
    first_due: datetime | None = None

    @property
    def verdict(self) -> Verdict:
        if not any(day.due for day in self.days):
            return Verdict.NOT_EXPECTED
        if self.ripe and (self.last_at is None or self.last_at <= self.now - IN_TIME):
            return Verdict.SILENT
        return Verdict.GAPS if self.missing else Verdict.READS

    @property
    def cause(self) -> Cause | None:
        """What most likely stops it: the first thing on the way from the registry to the meter.
        That nothing is expected, the registry alone can explain."""
        causes = (each for each in self.causes if each.stops)
        if self.verdict is Verdict.NOT_EXPECTED:
            causes = (each for each in causes if each.evidence == REGISTRY)
        return next(causes, None)
