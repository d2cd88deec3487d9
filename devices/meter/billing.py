"""Billing resets: when a billing period ends, by schedule or because somebody ran the script.

A reset stores nothing.  The registers at that moment follow from the load, so the billing profile
1.0.98.1.0.255 is a profile whose rows stand at the resets.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from devices.meter.parts import Passive
from devices.meter.schedule import Daily, Monthly, Never, Schedule, segments
from devices.meter.state import MeterState
from devices.meter.tariff import SINCE
from protocols.dlms.date_time import Date, Time

RESETS_KEPT = 36
"""The newest billing resets that a meter still knows, by schedule and by hand together."""
COUNTED_MAX = 40_000
"""Days in a century: more than any schedule makes."""


@dataclass(slots=True)
class Billing(Passive):
    """What was changed about the billing of one meter."""

    schedules: list[tuple[float, Schedule]] = field(default_factory=lambda: [(SINCE, Monthly())])
    """Since when, by the world's time, each held."""
    by_hand: list[float] = field(default_factory=list)
    forgotten: int = 0
    """Resets by hand that are too old to be kept, and still count."""

    def reset(self, now: float) -> None:
        """Somebody ends the billing period now."""
        if now not in self.by_hand:
            known = [*self.by_hand, now]
            self.by_hand = known[-RESETS_KEPT:]
            self.forgotten += len(known) - len(self.by_hand)

    def reschedule(self, schedule: Schedule, now: float) -> None:
        """Another schedule from now on."""
        self.schedules.append((now, schedule))

    @property
    def schedule(self) -> Schedule:
        return self.schedules[-1][1]


DELIVERED = Billing()


def resets(meter: MeterState, now: float) -> list[float]:
    """The newest resets, by the world's time, oldest first."""
    return _known(meter, now, RESETS_KEPT)[-RESETS_KEPT:]


def counted(meter: MeterState, now: float) -> int:
    """How many there ever were, also those that nobody keeps."""
    billing = meter.existing(Billing) or DELIVERED
    return len(_known(meter, now, COUNTED_MAX)) + billing.forgotten


def _known(meter: MeterState, now: float, most: int) -> list[float]:
    billing = meter.existing(Billing) or DELIVERED
    found = [each for each in billing.by_hand if each <= now]
    for place, (since, schedule) in enumerate(billing.schedules):
        later = billing.schedules[place + 1 :]
        until = min(later[0][0] if later else now, now)
        if until <= since:
            continue
        for segment in segments(meter.timeline, schedule, after=since, until=until, most=most):
            found += map(segment.stretch.world_time, segment.times)
    return sorted(set(found))


def begun(meter: MeterState, world: float) -> float:
    """When the billing period that a moment ends or lies in began: the last reset before it."""
    known = resets(meter, world)
    place = bisect_left(known, world)
    return known[place - 1] if place else SINCE


def schedule_of(date: bytes, time: bytes) -> Schedule | None:
    """The schedule of an execution time with wildcards, where this meter can follow it: daily, or
    monthly on a day that every month has, at midnight."""
    day, clock = Date.from_octets(date), Time.from_octets(time)
    if any((clock.hour, clock.minute, clock.second)) or clock.hour is None:
        return None
    if day.year is not None or day.month is not None or day.weekday is not None:
        return None
    if day.day is None:
        return Daily()
    return Monthly(day.day) if 1 <= day.day <= 28 else None


def execution_time(schedule: Schedule) -> tuple[bytes, bytes] | None:
    """Time and date with wildcards of a schedule; None for one that never comes."""
    if isinstance(schedule, Never):
        return None
    day = schedule.day if isinstance(schedule, Monthly) else None
    return Time(0, 0, 0, 0).octets, Date(None, None, day, None).octets
