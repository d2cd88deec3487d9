"""What SIMOCE and SCADA measured of feeders, as hours in the units of the analysis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Final

import numpy as np

from headend.analysis.bands import floors
from headend.analysis.hourly import Counts, Hours, hourly
from headend.analysis.quantity import OF_MEASUREMENT, PHASES, QUANTITIES, Quantity, Real, converted
from headend.analysis.rollup import Rollup, rolled
from headend.analysis.windows import hour_ends
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import KeptInstance
from headend.domain.utility_day import span_of
from headend.web.consulta.asking import Conversation
from protocols.cim import xml

PERIOD_S: Final = 600
"""SIMOCE's averages are of ten minutes."""
BAD: Final = "bad"


@dataclass(frozen=True, slots=True)
class Analog:
    """What is measured: of which feeder, where it belongs in an array, in which unit it comes."""

    key: str
    feeder: str
    quantity: Quantity
    phase: int
    unit: str

    @property
    def place(self) -> tuple[int, int]:
        return QUANTITIES.index(self.quantity), self.phase


@dataclass(frozen=True, slots=True)
class Present:
    """What SCADA shows of a feeder now; `values` (quantities, phases), NaN where it shows nothing.
    `at` is when the oldest of them was measured."""

    values: Real
    at: datetime | None


NOTHING: Final = Present(np.full((len(QUANTITIES), len(PHASES)), np.nan), None)
"""Of a feeder that SCADA does not have."""


async def analogs(talk: Conversation, system: str, feeders: Sequence[str]) -> list[Analog]:
    """What is measured by phase of these feeders.  Raises `AdapterFailed`."""
    found = await talk.along(system, "Feeder", "Measurements", feeders)
    return [it for each in found if (it := _analog(each)) is not None]


async def hours(
    talk: Conversation, feeders: Sequence[str], days: Sequence[date], zone: tzinfo
) -> dict[str, Hours]:
    """The hours of some days in a row of these feeders of SIMOCE's.  Raises `AdapterFailed`."""
    ends = np.concatenate([hour_ends(day, zone) for day in days])
    known = {it.key: it for it in await analogs(talk, "SIMOCE", feeders)}
    # A value belongs to the end of its period: the day's first ends ten minutes after midnight.
    begin = datetime.fromtimestamp(span_of(days[0], zone).begin + 1, UTC)
    end = datetime.fromtimestamp(int(ends[-1]) + 1, UTC)
    values = await talk.along("SIMOCE", "Analog", "AnalogValues", [*known], begin=begin, end=end)
    cells: dict[str, dict[int, Real]] = {feeder: {} for feeder in feeders}
    for value in values:
        analog = known.get(value.references["Analog"])
        number = _number(value, analog)
        if analog is None or number is None or (at := _when(value)) is None:
            continue
        row = cells[analog.feeder].setdefault(int(at.timestamp()), _empty())
        row[analog.place] = number
    return {feeder: _hours(rows, ends) for feeder, rows in cells.items()}


def rolled_up(found: Hours, policy: AnalysisPolicy, kilovolts: float | None) -> tuple[Rollup, Real]:
    """Hour by hour, and their unbalances in percent; `kilovolts` is the nominal voltage."""
    bands = policy.bands_at(None if kilovolts is None else kilovolts * 1000)
    return rolled(found, floors=floors(bands), minimum_coverage=policy.minimum_coverage)


async def present(talk: Conversation, feeders: Sequence[str]) -> dict[str, Present]:
    """What SCADA shows of these feeders of its own now.  Raises `AdapterFailed`."""
    known = {it.key: it for it in await analogs(talk, "SCADA", feeders)}
    values = await talk.along("SCADA", "Analog", "AnalogValues", [*known])
    found = {feeder: _empty() for feeder in feeders}
    times: defaultdict[str, list[datetime]] = defaultdict(list)
    for value in values:
        analog = known.get(value.references["Analog"])
        number = _number(value, analog)
        if analog is None or number is None:
            continue
        found[analog.feeder][analog.place] = number
        if (at := _when(value)) is not None:
            times[analog.feeder].append(at)
    return {feeder: Present(found[feeder], min(times[feeder], default=None)) for feeder in feeders}


def of_one_moment(values: Real) -> Hours:
    """One value of each phase, as if it were the average of an hour."""
    there = ~np.isnan(values)[None]
    return Hours(values[None], there.astype(np.int64), np.ones(1, dtype=np.int64))


def _hours(rows: Mapping[int, Real], ends: Counts) -> Hours:
    values = np.array([*rows.values()]).reshape(len(rows), len(QUANTITIES), len(PHASES))
    return hourly([*rows], values, ends, PERIOD_S)


def _empty() -> Real:
    return np.full((len(QUANTITIES), len(PHASES)), np.nan)


def _analog(it: KeptInstance) -> Analog | None:
    """None for what is not of one phase, or of no quantity of ours."""
    quantity = OF_MEASUREMENT.get(it.attributes.get("measurementType", ""))
    phases = it.attributes.get("phases", "")
    if quantity is None or len(phases) != 1 or phases not in PHASES:
        return None
    multiplier = it.attributes.get("unitMultiplier", "none")
    unit = ("" if multiplier == "none" else multiplier) + it.attributes.get("unitSymbol", "")
    feeder = it.references["PowerSystemResource"]
    return Analog(it.key, feeder, quantity, PHASES.index(phases), unit)


def _number(value: KeptInstance, analog: Analog | None) -> float | None:
    text = value.attributes.get("value")
    if analog is None or text is None or value.attributes.get("quality") == BAD:
        return None
    try:
        return float(converted(float(text), analog.quantity, analog.unit))
    except ValueError:
        return None  # told in a unit of something else


def _when(value: KeptInstance) -> datetime | None:
    return xml.date_time(value.attributes.get("timeStamp"))
