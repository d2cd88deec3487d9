"""The daily profile of a feeder on two days, and what the later has more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

import numpy as np

from headend.analysis.hourly import HOUR_S, Hours
from headend.analysis.judged import Judged, judged
from headend.analysis.quantity import PHASES, QUANTITIES, Quantity
from headend.analysis.rollup import Rollup
from headend.analysis.windows import hour_ends
from headend.config.analysis import AnalysisPolicy
from headend.web.consulta.asking import Conversation
from headend.web.consulta.charts import Profile
from headend.web.consulta.measured import hours, rolled_up


@dataclass(frozen=True, slots=True)
class Compared:
    """`labels` are the hours of both days by the clock; one that a day does not have is empty."""

    labels: Sequence[str]
    profiles: tuple[Profile, Profile]
    days: tuple[Judged, Judged]


async def compared(
    talk: Conversation,
    feeder: str,
    pair: tuple[date, date],
    zone: tzinfo,
    policy: AnalysisPolicy,
    kilovolts: float | None,
) -> Compared:
    """Two days of a feeder of SIMOCE's.  Raises `AdapterFailed`."""
    found = [(await hours(talk, [feeder], [day], zone))[feeder] for day in pair]
    begins = [labelled(day, zone) for day in pair]
    labels = sorted({*begins[0], *begins[1]})
    earlier, later = (
        profile(each, known, labels) for each, known in zip(found, begins, strict=True)
    )
    parts = [rolled_up(each, policy, kilovolts)[0].over(0) for each in found]
    nominal_v = None if kilovolts is None else kilovolts * 1000
    first, second = judged(Rollup.stacked(parts), policy, [nominal_v, nominal_v])
    return Compared(labels, (earlier, later), (first, second))


def labelled(day: date, zone: tzinfo) -> list[str]:
    """When each hour of a day begins, by the clock; of an hour that comes twice the second has a
    mark."""
    found: list[str] = []
    for end in hour_ends(day, zone):
        label = f"{datetime.fromtimestamp(int(end) - HOUR_S, zone):%H:%M}"
        found.append(f"{label}*" if label in found else label)
    return found


def profile(found: Hours, begins: Sequence[str], labels: Sequence[str]) -> Profile:
    """The hours of a day at their labels."""
    rows = {label: place for place, label in enumerate(begins)}
    return {
        quantity: [
            [_at(found, rows, label, number, phase) for label in labels]
            for phase in range(len(PHASES))
        ]
        for number, quantity in enumerate(QUANTITIES)
    }


def _at(
    found: Hours, rows: Mapping[str, int], label: str, quantity: int, phase: int
) -> float | None:
    place = rows.get(label)
    if place is None or np.isnan(found.means[place, quantity, phase]):
        return None
    return float(found.means[place, quantity, phase])


def change(pair: tuple[Judged, Judged], quantity: Quantity) -> float | None:
    """Percentage points of unbalance that the later day has more; below 0 it has got better."""
    before, after = (each[quantity].percent for each in pair)
    return None if before is None or after is None else after - before
