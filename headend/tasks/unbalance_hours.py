"""UnbalanceHr: the hourly averages of each feeder and phase, from SIMOCE.

The run of day D loads D-2, the day before yesterday (`headend.analysis.windows`): current, active
and reactive power and voltage of phases A, B and C, and current, active and reactive power of the
feeder as a whole, for the dashboard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Annotated, Final

import msgspec
import numpy as np

from headend.analysis.hourly import hourly
from headend.analysis.quantity import OF_MEASUREMENT, PHASES, QUANTITIES, Quantity, Real, converted
from headend.analysis.windows import hour_ends, newest_day
from headend.domain.feeder import CHANNELS, FeederHour
from headend.domain.task import CatchUp, Told
from headend.domain.utility_day import span_of
from headend.ports import Transaction
from headend.ports.adapters import Adapters, Asked
from headend.tasks.kinds import Kind
from headend.tasks.work import Failed, Work
from protocols.cim.profile.instance import Instance

SIMOCE: Final = "SIMOCE"
WHOLE: Final = {
    "ThreePhaseActivePower": Quantity.ACTIVE_POWER,
    "ThreePhaseReactivePower": Quantity.REACTIVE_POWER,
}
"""Of a feeder as a whole."""

_SECOND = timedelta(seconds=1)
_CURRENT = QUANTITIES.index(Quantity.CURRENT)
_P, _Q = CHANNELS.index("p"), CHANNELS.index("q")


class HoursParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`days` that end with the day before yesterday; `feeders` by SIMOCE's keys, all where none is
    named; `period_s` is how long SIMOCE averages."""

    days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 1
    feeders: tuple[str, ...] = ()
    period_s: Annotated[int, msgspec.Meta(ge=60, le=3600)] = 600


@dataclass(frozen=True, slots=True)
class Point:
    """An analog of a feeder: which channel it is, and in which unit it is told."""

    key: str
    channel: int
    quantity: Quantity
    unit: str


async def load(work: Work, given: HoursParameters) -> Told | Failed:
    """Fetch the days of all feeders, and keep their hours."""
    await work.step("feeders", 0, 1)
    points = await points_of(work.adapters, given.feeders)
    if not points:
        return Failed("no-feeders", "SIMOCE shows no feeder with what is needed", retry=True)
    last = newest_day(work.day)
    days = [last - timedelta(days=number) for number in reversed(range(given.days))]
    turns = [(day, feeder) for day in days for feeder in points]
    hours = values = without = 0
    for number, (day, feeder) in enumerate(turns):
        await work.step(f"{feeder} of {day}", number, len(turns))
        found = await samples(work, points[feeder], day)
        if not found:
            without += 1
            await work.log(f"SIMOCE has no value of {feeder} on {day}")
            continue
        kept = averaged(feeder, day, points[feeder], found, work, given.period_s)
        await work.store.run(partial(_keep, feeder=feeder, day=day, hours=kept))
        hours += len(kept)
        values += sum(sum(each.counts[:12]) for each in kept)
    if without == len(turns):
        return Failed("no-values", f"SIMOCE has no value of any feeder up to {last}", retry=True)
    return {
        "day": last.isoformat(),
        "feeders": len(points),
        "hours": hours,
        "values": values,
        "without": without,
    }


def _keep(tx: Transaction, feeder: str, day: date, hours: Sequence[FeederHour]) -> None:
    tx.put_feeder_hours(feeder, day, hours)


async def points_of(adapters: Adapters, wanted: Iterable[str]) -> dict[str, list[Point]]:
    """What is measured at each feeder, by SIMOCE's key."""
    feeders = {str(it.attributes["mRID"]) async for it in adapters.get(SIMOCE, Asked("Feeder"))}
    if only := set(wanted):
        feeders &= only
    found: dict[str, list[Point]] = defaultdict(list)
    async for it in adapters.get(SIMOCE, Asked("Analog")):
        feeder, point = it.references.get("PowerSystemResource", ""), _point(it)
        if feeder in feeders and point is not None:
            found[feeder].append(point)
    return dict(sorted(found.items()))


def _point(analog: Instance) -> Point | None:
    """Which channel an analog is; None for what is not loaded."""
    said = {name: str(value) for name, value in analog.attributes.items()}
    kind, phases = said.get("measurementType", ""), said.get("phases", "")
    multiplier = said.get("unitMultiplier", "none")
    unit = ("" if multiplier == "none" else multiplier) + said.get("unitSymbol", "")
    if kind in WHOLE:
        quantity = WHOLE[kind]
        channel = _P if quantity is Quantity.ACTIVE_POWER else _Q
    elif kind in OF_MEASUREMENT and phases in tuple(PHASES):
        quantity = OF_MEASUREMENT[kind]
        channel = QUANTITIES.index(quantity) * len(PHASES) + PHASES.index(phases)
    else:
        return None
    return Point(said["mRID"], channel, quantity, unit)


Samples = Mapping[int, Sequence[tuple[str, float]]]
"""Keys and values, by the POSIX second at which their period ends."""


async def samples(work: Work, points: Sequence[Point], day: date) -> Samples:
    """What SIMOCE has of a day.  A value belongs to the end of its period, so that of midnight is
    the last of the day before, and the next midnight's is the day's own."""
    span = span_of(day, work.zone)
    begin, end = (datetime.fromtimestamp(at, UTC) + _SECOND for at in span)
    asked = Asked(
        "Analog", association="AnalogValues", of=tuple(each.key for each in points), begin=begin,
        end=end,
    )  # fmt: skip
    found: dict[int, list[tuple[str, float]]] = defaultdict(list)
    async for it in work.adapters.get(SIMOCE, asked):
        value, at = it.attributes.get("value"), it.attributes["timeStamp"]
        # One of bad quality has no value: it is missing.
        if isinstance(value, int | float) and isinstance(at, datetime):
            found[round(at.timestamp())].append((it.references["Analog"], float(value)))
    return found


def averaged(
    feeder: str,
    day: date,
    points: Sequence[Point],
    found: Samples,
    work: Work,
    period_s: int,
) -> list[FeederHour]:
    """All hours of a day, in our units; what SIMOCE tells in others (kV) is converted here."""
    ends = np.array(sorted(found), dtype=np.int64)
    channel = {each.key: each.channel for each in points}
    values: Real = np.full((len(ends), len(CHANNELS)), np.nan)
    for row, end in enumerate(ends):
        for key, value in found[int(end)]:
            values[row, channel[key]] = value
    for each in points:
        values[:, each.channel] = converted(values[:, each.channel], each.quantity, each.unit)
    currents = values[:, _CURRENT * 3 : _CURRENT * 3 + 3]
    values[:, CHANNELS.index("i")] = currents.mean(axis=1)  # where there are all three
    hours_end = hour_ends(day, work.zone)
    hours = hourly(ends, values, hours_end, period_s)
    begins = [span_of(day, work.zone).begin, *(int(each) for each in hours_end[:-1])]
    now = work.clock.now()
    return [
        FeederHour(
            feeder,
            begin,
            day,
            int(hours.expected[place]),
            tuple(None if np.isnan(each) else float(each) for each in hours.means[place]),
            tuple(int(each) for each in hours.received[place]),
            now,
        )
        for place, begin in enumerate(begins)
    ]


KIND: Final = Kind(
    name="UnbalanceHr",
    about="Loads the hourly averages of each feeder and phase of the day before yesterday.",
    parameters=HoursParameters,
    work=load,
    catch_up=CatchUp.EACH,
    standard=lambda settings: settings.hours_at,
)
