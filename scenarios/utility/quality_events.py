"""What was wrong with the quality of a feeder's supply, from the seed and from the power flow.

Sags, swells, interruptions and harmonics are drawn, a few a month (assumption); an unbalance is
what the solved voltages show: hours in which a phase is further from the mean of the three than the
limit.  Words are SIMOCE's.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from devices.chance import stream
from devices.meter.load import SLOT_S, SLOTS_PER_DAY
from scenarios.utility.measuring import PHASES, FeederHeads
from scenarios.utility.model import Feeder, Utility

DAY_S = 86_400
UNBALANCE_LIMIT_PERCENT = 2.0
"""Of medium voltage: facts of CFE L0000-45."""


class QualityKind(enum.StrEnum):
    """As SIMOCE calls them."""

    SAG = "HUECO"
    SWELL = "ELEVACION"
    INTERRUPTION = "INTERRUPCION"
    UNBALANCE = "DESBALANCE"
    HARMONICS = "ARMONICOS"


_DRAWN = (
    # kind, chance of one in a day, seconds from and to, percent from and to
    (QualityKind.SAG, 0.20, 0.05, 3.0, 40.0, 89.0),
    (QualityKind.SWELL, 0.08, 0.05, 2.0, 111.0, 128.0),
    (QualityKind.INTERRUPTION, 0.04, 60.0, 3_600.0, 0.0, 4.0),
    (QualityKind.HARMONICS, 0.06, 600.0, 7_200.0, 5.5, 9.5),
)


@dataclass(frozen=True, slots=True)
class QualityEvent:
    """`begin` in POSIX seconds; `percent` of the nominal voltage, or the factor."""

    number: str
    feeder: Feeder
    kind: QualityKind
    begin: int
    seconds: float
    percent: float
    phases: str


def events_of(heads: FeederHeads, feeder: Feeder, day: int) -> tuple[QualityEvent, ...]:
    """Those that began in a UTC day, counted from 1970, the earliest first."""
    found = [*drawn(heads.utility.seed, feeder, day), *_unbalances(heads, feeder, day)]
    found.sort(key=lambda each: (each.begin, each.kind))
    return tuple(
        replace(each, number=f"PQ-{day}-{feeder.number:03d}-{place}")
        for place, each in enumerate(found, 1)
    )


def interruptions(
    utility: Utility, first_day: int, last_day: int
) -> dict[int, tuple[tuple[int, int], ...]]:
    """When each feeder was without supply; by its number."""
    return {
        feeder.number: tuple(
            (each.begin, each.begin + round(each.seconds))
            for day in range(first_day, last_day + 1)
            for each in drawn(utility.seed, feeder, day)
            if each.kind is QualityKind.INTERRUPTION
        )
        for feeder in utility.feeders
    }


def drawn(seed: int, feeder: Feeder, day: int) -> Iterator[QualityEvent]:
    """Those that the seed alone decides; at most one of a kind in a day."""
    rng = stream(seed, "utility", "quality", feeder.number, day)
    for kind, chance, shortest, longest, low, high in _DRAWN:
        draws = [rng.random() for _ in range(5)]
        if draws[0] >= chance:
            continue
        # Whole interruptions end in their day, so that none reaches into the next one's.
        begin = day * DAY_S + int(draws[1] * (DAY_S - longest))
        seconds = shortest + draws[2] * (longest - shortest)
        phases = "ABC" if kind is QualityKind.INTERRUPTION else PHASES[int(draws[4] * 3)]
        yield QualityEvent(
            "", feeder, kind, begin,
            float(round(seconds)) if seconds >= 60 else round(seconds, 2),
            round(low + draws[3] * (high - low), 1), phases,
        )  # fmt: skip


def _unbalances(heads: FeederHeads, feeder: Feeder, day: int) -> Iterator[QualityEvent]:
    hours = heads.day(feeder, day).volts.reshape(24, SLOTS_PER_DAY // 24, 3).mean(axis=1)
    mean = hours.mean(axis=1)
    percent = np.abs(hours - mean[:, None]).max(axis=1) / mean * 100
    begin: int | None = None
    for hour in range(25):
        beyond = hour < 24 and percent[hour] > UNBALANCE_LIMIT_PERCENT
        if beyond and begin is None:
            begin = hour
        if not beyond and begin is not None:
            most = round(float(percent[begin:hour].max()), 1)
            hour_s = SLOT_S * SLOTS_PER_DAY // 24
            yield QualityEvent(
                "", feeder, QualityKind.UNBALANCE, day * DAY_S + begin * hour_s,
                float((hour - begin) * hour_s), most, "ABC",
            )  # fmt: skip
            begin = None
