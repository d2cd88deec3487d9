"""The transformers of a circuit by the meters below them, and whom to move to another phase.

A circuit is SIAD's, a feeder with its transformers the registry's: they are joined by their name.
Nobody tells where transformers stand, nor their ratings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from headend.analysis.bands import COLOURS, Colour
from headend.analysis.by_meters import ByMeters, by_meters
from headend.analysis.quantity import PHASES, QUANTITIES, Quantity
from headend.analysis.windows import DayRange
from headend.config.analysis import AnalysisPolicy
from headend.domain.meter import Meter
from headend.domain.place import Place, PlaceKind
from headend.domain.utility_day import span_of
from headend.store.measured_queries import load_profiles
from headend.store.registry_queries import MeterFilter, meters, places

PERIOD_S: Final = 900
FEEDERS_MAX: Final = 10_000
TRANSFORMERS_MAX: Final = 200
METER_DAYS_MAX: Final = 10_000
"""What is worked out while somebody waits: some seconds."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be worked out of meters, and by which rules; `kva` is the rating of the one that
    is looked at."""

    days: DayRange
    zone: ZoneInfo
    policy: AnalysisPolicy
    kva: float | None = None
    moves: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Transformer:
    """One of them.  `by` is None where too many meters were asked for, or none hang there."""

    place: Place
    meters: Sequence[Meter]
    by: ByMeters | None = None

    @property
    def colour(self) -> Colour:
        """Of the unbalance of its current."""
        return (
            Colour.UNKNOWN if self.by is None else COLOURS[int(self.by.figures.colours[_CURRENT])]
        )

    @property
    def unbalance(self) -> float | None:
        """Of its current, percent."""
        return None if self.by is None else _known(self.by.figures.percent[_CURRENT])

    @property
    def amperes(self) -> list[float | None]:
        """Averages of the phases."""
        if self.by is None:
            return [None] * len(PHASES)
        return [_known(each) for each in self.by.figures.averages[_CURRENT]]

    @property
    def peak_kva(self) -> float | None:
        """Of its highest hour."""
        return None if self.by is None else _known(self.by.loading.peak_kva)

    @property
    def peak_percent(self) -> float | None:
        """The same of its rating; None where that was not told."""
        return None if self.by is None else _known(self.by.loading.peak_percent())

    @property
    def neutral_a(self) -> float | None:
        """The highest hour's."""
        return None if self.by is None else _known(self.by.loading.peak_neutral_a)

    @property
    def measured(self) -> float | None:
        """The least share of a phase's usual power that was measured; the rest is made up."""
        return None if self.by is None else _known(self.by.measured.min())


_CURRENT: Final = QUANTITIES.index(Quantity.CURRENT)


@dataclass(frozen=True, slots=True)
class Move:
    """A meter that would hang on another phase."""

    meter: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Moves and the unbalance of power after them, percent."""

    moves: Sequence[Move]
    percent: float | None
    mean_of_hours: float | None
    proven: bool


def feeders_named(connection: Any, name: str) -> list[Place]:
    """The registry's feeders of this name, or with it as their code."""
    wanted = _plain(name)
    known = places(connection, kind=PlaceKind.FEEDER, limit=FEEDERS_MAX)
    return [each for each in known if wanted in (_plain(each.name), _plain(each.code))]


def transformers(connection: Any, feeder: Place, asked: Asked) -> list[Transformer]:
    """Those of a feeder, by code: without figures where its meters are too many for them."""
    found = [
        Transformer(each, _meters(connection, each))
        for each in places(
            connection, kind=PlaceKind.TRANSFORMER, within=feeder.code, limit=TRANSFORMERS_MAX
        )
    ]
    if sum(len(each.meters) for each in found) * len(asked.days) > METER_DAYS_MAX:
        return found
    return [_worked_out(connection, each, asked) for each in found]


def looked_at(connection: Any, place: Place, asked: Asked) -> Transformer:
    """One transformer, or a feeder as a whole, with plans of moves."""
    found = Transformer(place, _meters(connection, place))
    if len(found.meters) * len(asked.days) > METER_DAYS_MAX:
        return found
    return _worked_out(connection, found, asked)


def plans(found: Transformer) -> list[Plan]:
    """By the number of moves, as things are first."""
    if found.by is None:
        return []
    single = found.by.single.tolist()
    return [
        Plan(
            [
                Move(
                    found.meters[single[each.customer]].name,
                    PHASES[each.before],
                    PHASES[each.after],
                )
                for each in plan.moves
            ],
            _known(plan.percent),
            _known(plan.mean_of_hours),
            plan.proven,
        )
        for plan in found.by.plans
    ]


def _worked_out(connection: Any, found: Transformer, asked: Asked) -> Transformer:
    if not found.meters:
        return found
    begin, end = _ends(asked.days, asked.zone)
    rows = load_profiles(
        connection, [each.name for each in found.meters], after=begin - 1, until=end
    )
    by = by_meters(
        rows, found.meters, asked.days, asked.zone, PERIOD_S,
        rated_kva=asked.kva, moves_max=asked.moves, policy=asked.policy,
    )  # fmt: skip
    return Transformer(found.place, found.meters, by)


def _ends(days: DayRange, zone: tzinfo) -> tuple[int, int]:
    return span_of(days.first, zone).begin, span_of(days.last, zone).end


def _meters(connection: Any, place: Place) -> list[Meter]:
    return meters(connection, MeterFilter(place=place.code), limit=METER_DAYS_MAX + 1)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
