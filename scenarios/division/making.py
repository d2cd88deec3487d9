"""The division of a seed: its parts, who hangs on which phase, and what there is to find.

Of the feeders, by their number from 1 on, every third is beyond what is good and some are far
beyond; five have a story each (`Stories`).  What their phases carry follows from who hangs on
them; nothing is drawn over the measurements but what a story says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from devices.field_spec import ZONE as FIELD_ZONE
from devices.grid.field_grid import standard_offset_min
from scenarios.division.phases import chosen
from scenarios.utility.making import make
from scenarios.utility.model import Feeder, Plan, Utility
from scenarios.utility.oddities import Oddities, Ratio, Silence, Transfer

ZONE: Final = ZoneInfo("America/Santiago")
"""Of the division: whose days its pages are."""

ALIKE: Final = 120
"""Advanced metering has come to one transformer of so many: a feeder of some 100 A (assumption)."""

GREEN, YELLOW, RED = 0.015, 0.075, 0.20
"""How much more than a third of its single-phase load the first phase of a feeder is to carry."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a division is."""

    zones: int = 2
    substations: int = 2  # of a zone
    feeders: int = 5  # of a substation
    transformers: int = 2  # of a feeder
    meters: int = 25  # of a transformer

    @property
    def all_feeders(self) -> int:
        return self.zones * self.substations * self.feeders

    @property
    def all_meters(self) -> int:
        return self.all_feeders * self.transformers * self.meters


def sized(feeders: int, meters: int) -> Size:
    """A size of so many feeders in four substations, or in one where they do not share out; with so
    many meters, rounded to whole transformers of which each feeder has two."""
    each = max(1, round(meters / (2 * feeders)))
    if feeders % 4:
        return Size(1, 1, feeders, 2, each)
    return Size(2, 2, feeders // 4, 2, each)


@dataclass(frozen=True, slots=True)
class Stories:
    """The feeders that have one, by number."""

    worse: int  # red since the day before yesterday, of which the dashboard heard this morning
    silent: int  # the historian heard little of it in its last days
    unmatched: int  # called otherwise in SIMOCE, and not in the repository
    renamed: int  # called otherwise in SIMOCE; the repository knows
    high: int  # a voltage transformer shows one phase too high


def stories(feeders: int) -> Stories:
    """Those of a division with so many feeders; a small one tells several of the same feeder."""
    return Stories(*(min(number, feeders) for number in (7, 13, 17, 6, 11)))


def division(seed: int, now: datetime, size: Size | None = None) -> Utility:
    """The division of a seed as it stands at a time, which is aware."""
    size = size or Size()
    plan = Plan(
        zones=size.zones,
        areas=1,
        substations=size.substations,
        feeders=size.feeders,
        transformers=size.transformers,
        meters=size.meters,
        vip=2 * size.all_feeders,
        requests=60 * size.zones,
    )
    told = stories(size.all_feeders)
    utility = _named(make(seed, now, plan), told)
    return replace(
        _placed(utility), alike=ALIKE, heads=True, oddities=_oddities(told, now.astimezone(ZONE))
    )


def _oddities(told: Stories, now: datetime) -> Oddities:
    def midnight(days_ago: int) -> int:
        day = (now - timedelta(days=days_ago)).date()
        return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp())

    return Oddities(
        transfers=(Transfer(told.worse, midnight(2), of=2, to=0, share=0.2),),
        silences=tuple(
            Silence(told.silent, midnight(days) + 7 * 3600, midnight(days - 1) - 3600)
            for days in range(2, 6)
        ),
        ratios=(Ratio(told.high, 1, 1.024),),
    )


def _named(utility: Utility, told: Stories) -> Utility:
    """With the feeders that have another name, or none in the repository, chosen."""
    feeders = {
        each.number: replace(
            each,
            renamed=each.number in (told.unmatched, told.renamed),
            new=each.number == told.unmatched,
        )
        for each in utility.feeders
    }
    transformers = {
        each.number: replace(each, feeder=feeders[each.feeder.number])
        for each in utility.transformers
    }
    return replace(
        utility,
        feeders=tuple(feeders.values()),
        transformers=tuple(transformers.values()),
        meters=tuple(
            replace(each, transformer=transformers[each.transformer.number])
            for each in utility.meters
        ),
        vip=tuple(replace(each, feeder=feeders[each.feeder.number]) for each in utility.vip),
    )


def _placed(utility: Utility) -> Utility:
    """With each customer on a phase."""
    offset = standard_offset_min(FIELD_ZONE)
    phases: dict[str, str] = {}
    for feeder in utility.feeders:
        below = [str(each.index) for each in utility.meters if each.transformer.feeder == feeder]
        phases |= chosen(utility.seed, below, shares_of(feeder), offset)
    return replace(
        utility,
        meters=tuple(replace(each, phases=phases[str(each.index)]) for each in utility.meters),
    )


def shares_of(feeder: Feeder) -> tuple[float, float, float]:
    """What each phase is to carry."""
    number = feeder.number
    more = RED if number % 5 == 3 else YELLOW if number % 3 == 0 else GREEN
    heavy = number % 3
    shares = [(1 - more / 2) / 3] * 3
    shares[heavy] = (1 + more) / 3
    return shares[0], shares[1], shares[2]
