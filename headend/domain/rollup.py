"""Days of a profile, rolled up: what is kept of each channel by the day and by the hour.

A day's roll-up follows from that day's page alone, so that a page that changes changes one roll-up.
What a register gained in a span is therefore not in it: it is the span's `last` less the one
before's, where both ended whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class ChannelSum:
    """The values of one channel in a span, counted as the meter counts: times 10 to the `scaler`,
    in `unit` (code of the Blue Book).  Of an interval that came several times the first counts."""

    name: str  # logical name
    scaler: int
    unit: int
    count: int  # intervals that have a value; never 0
    first: int
    last: int
    least: int
    most: int
    total: int  # of all values: means nothing for a register that counts up for ever

    @property
    def mean(self) -> float:
        return self.total / self.count


@dataclass(frozen=True, slots=True)
class RolledSpan:
    """An hour: its intervals end after the hour before, up to and with `end` (POSIX seconds).

    `quality` and `status` have each flag that any of its rows has: ours (`RowQuality`), and the
    meter's in its status column.
    """

    end: int
    expected: int
    received: int
    late: int
    changed: int
    quality: int
    status: int
    channels: tuple[ChannelSum, ...]


@dataclass(frozen=True, slots=True)
class RolledDay:
    """A day of the utility's calendar, and its hours from midnight on: 23 or 25 where the clocks
    change.  A profile of a day or more has no hours.  `raw_at` is how new the page was."""

    meter: str
    profile: str  # logical name
    day: date
    raw_at: datetime
    expected: int
    received: int
    late: int
    changed: int
    quality: int
    status: int
    channels: tuple[ChannelSum, ...]
    hours: tuple[RolledSpan, ...]


Rolled = RolledDay | RolledSpan


def gained(before: Rolled | None, now: Rolled, channel: ChannelSum) -> int | None:
    """What a register gained in a span that follows right upon another; None where one of them
    lacks a value of it, so that nobody knows what it showed at its end."""
    if before is None or not 0 < now.expected <= channel.count:
        return None
    key = channel.name, channel.scaler, channel.unit
    for each in before.channels:
        if (each.name, each.scaler, each.unit) == key and 0 < before.expected <= each.count:
            return channel.last - each.last
    return None
