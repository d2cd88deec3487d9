"""Service levels: goals over how soon things are done, and how much of it was done so soon.

Everything that a goal is about took a time: an interval until it was here, an order until it was
done, an alarm until it was heard; of a clock it is by how much it was off.  A goal asks that a
share of them took no longer than so long.  What has not come counts as soon as it had that long;
before, nobody can say.  Meters that have been silent for months are counted apart.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from headend.domain.event import Severity
from headend.domain.order import LIMITS, Kind

LOAD_PROFILE = "1.0.99.1.0.255"
WORST_SHOWN = 3


class Measure(enum.StrEnum):
    """What a goal is about, and what of it takes a time."""

    INTERVALS = "intervals"  # from an interval's end until it was received
    ORDERS = "orders"  # from when an order may begin until it is done
    OUTCOMES = "outcomes"  # from an order's deadline until its one final outcome
    READS = "reads"  # as orders, of reads that somebody waits for
    CLOCKS = "clocks"  # by how much a clock is off
    ALARMS = "alarms"  # from an event until the head-end heard of it


class By(enum.StrEnum):
    """What service levels are told by."""

    ALL = "all"
    CONCENTRATOR = "concentrator"
    ZONE = "zone"
    FIRMWARE = "firmware"
    PHASE = "phase"


@dataclass(frozen=True, slots=True)
class Level:
    """`share` of them, 0 to 1, take no more than `within_s`."""

    share: Fraction
    within_s: int


@dataclass(frozen=True, slots=True)
class Goal:
    """Levels of one measure.  Of the rest each measure has its own: the `profile` of intervals, the
    `kinds` of orders, the least `severity` of alarms."""

    name: str
    measures: Measure
    levels: tuple[Level, ...]
    about: str = ""
    profile: str = LOAD_PROFILE
    kinds: tuple[Kind, ...] = (*sorted(LIMITS), Kind.CONNECT, Kind.DISCONNECT)
    severity: Severity = Severity.MAJOR

    @property
    def measured(self) -> str:
        """What its counts are of: where that changes, they are counted anew."""
        match self.measures:
            case Measure.INTERVALS:
                own = self.profile
            case Measure.ORDERS | Measure.OUTCOMES:
                own = ",".join(sorted(self.kinds))
            case Measure.ALARMS:
                own = self.severity
            case _:
                own = ""
        return f"{self.measures} {own}".rstrip()


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """All goals.  A meter of which nothing came for `silent_s` is reported apart."""

    goals: tuple[Goal, ...]
    silent_s: int

    @property
    def open_s(self) -> int:
        """How long after its end a day's counts may still change by time alone."""
        return max((level.within_s for goal in self.goals for level in goal.levels), default=0)


@dataclass(frozen=True, slots=True)
class Count:
    """Of so many `items` so many can be judged by now, and `met` of those took no longer than they
    may.  `apart` are those of `silent` meters, which are in none of the others."""

    items: int = 0
    judged: int = 0
    met: int = 0
    apart: int = 0
    silent: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.items + other.items,
            self.judged + other.judged,
            self.met + other.met,
            self.apart + other.apart,
            self.silent + other.silent,
        )


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that took a time from `since` on, POSIX seconds; `took_s` None: it is not done, or
    never will be."""

    device: str
    since: float
    took_s: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """The count of one level, day of the utility's calendar and group.  Of things that have a count
    for every way of grouping, so that groups add up to the whole (`By.ALL`, "")."""

    day: date
    goal: str
    within_s: int
    by: By
    name: str
    items: int
    judged: int
    met: int
    apart: int
    silent: int
    measured: str  # what it is of: `Goal.measured`
    at: datetime

    @property
    def count(self) -> Count:
        return Count(self.items, self.judged, self.met, self.apart, self.silent)


def judged(items: Iterable[Item], within_s: float, now: float) -> dict[str, Count]:
    """The count of each device.  What has not had its time by now is an item, and no more."""
    found: dict[str, list[int]] = {}
    for item in items:
        mine = found.setdefault(item.device, [0, 0, 0])
        mine[0] += 1
        if item.since + within_s <= now:
            mine[1] += 1
            mine[2] += item.took_s is not None and item.took_s <= within_s
    return {device: Count(*counts) for device, counts in found.items()}


def apart(counts: Mapping[str, Count], silent: frozenset[str]) -> dict[str, Count]:
    """The same, with what is of silent meters counted apart."""
    return {
        device: Count(apart=count.items, silent=1) if device in silent else count
        for device, count in counts.items()
    }


def grouped(
    counts: Mapping[str, Count], groups: Mapping[str, Mapping[By, str]]
) -> dict[tuple[By, str], Count]:
    """Counts of devices as counts of their groups, in each way of grouping, and of all."""
    found: dict[tuple[By, str], Count] = {}
    for device, count in counts.items():
        of = groups.get(device, {})
        for by in By:
            key = by, "" if by is By.ALL else of.get(by, "")
            found[key] = found.get(key, Count()) + count
    return found


# --- what came of it ---


@dataclass(frozen=True, slots=True)
class Standing:
    """How one level stands, of a group, over some days."""

    goal: Goal
    level: Level
    name: str
    count: Count

    @property
    def share(self) -> float | None:
        return self.count.met / self.count.judged if self.count.judged else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where nothing can be judged."""
        count = self.count
        return count.met >= self.level.share * count.judged if count.judged else None

    @property
    def open(self) -> int:
        """What may still come in time."""
        return self.count.items - self.count.judged


@dataclass(frozen=True, slots=True)
class LevelReport:
    """One level: all together, and its groups, the worst first."""

    whole: Standing
    groups: tuple[Standing, ...]

    @property
    def worst(self) -> tuple[Standing, ...]:
        """The groups that are below the goal, a few of them."""
        return tuple(each for each in self.groups if each.met is False)[:WORST_SHOWN]


def reported(levels: ServiceLevels, rows: Iterable[Measured], by: By) -> Iterator[LevelReport]:
    """What was measured, put together over its days: each level of each goal.  A silent meter is
    one, on however many days it is silent."""
    sums: dict[tuple[str, int, By, str], Count] = {}
    silent: dict[tuple[str, int, By, str], int] = {}
    for row in rows:
        key = row.goal, row.within_s, row.by, row.name
        sums[key] = sums.get(key, Count()) + row.count
        silent[key] = max(silent.get(key, 0), row.silent)
    for goal in levels.goals:
        for level in goal.levels:
            mine = {
                (key[2], key[3]): Count(
                    total.items, total.judged, total.met, total.apart, silent[key]
                )
                for key, total in sums.items()
                if key[:2] == (goal.name, level.within_s)
            }
            whole = Standing(goal, level, "", mine.get((By.ALL, ""), Count()))
            groups = [
                Standing(goal, level, name, count)
                for (which, name), count in mine.items()
                if which is by and by is not By.ALL
            ]
            groups.sort(key=lambda each: (2.0 if each.share is None else each.share, each.name))
            yield LevelReport(whole, tuple(groups))
