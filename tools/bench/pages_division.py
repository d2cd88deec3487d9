"""A division of any size for pages to be timed over: its tree, names and meters, its feeders' hours
and the roll-ups that the scheduled tasks make of them.

Days are fixed, so that every run has the same numbers.  The trend of the dashboard tells a month's
colours of each of its days: so there are as many days more before the month.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from headend.analysis.hourly import HOUR_S
from headend.analysis.quantity import PHASES, QUANTITIES, Real
from headend.analysis.windows import MOBILE_MONTH_DAYS, hour_ends
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import (
    CHANNELS,
    REPOSITORY,
    FeederHour,
    FeederMapping,
    FeederRoll,
    KeptInstance,
    Span,
)
from headend.domain.meter import Concentrator, Meter, Stage
from headend.ports import Store, Transaction
from headend.tasks.rollups import day_roll, window_roll
from headend.web.consulta.organisation import (
    AREA,
    CIRCUIT,
    LEVELS,
    REGION,
    SUBSTATION,
    ZONE,
    Place,
)

NEWEST: Final = date(2026, 5, 30)
TREND_DAYS: Final = 13
DAYS: Final = MOBILE_MONTH_DAYS + TREND_DAYS
FEEDERS_OF_SUBSTATION: Final = 8
SUBSTATIONS_OF_AREA: Final = 6
METERS_OF_CONCENTRATOR: Final = 100
VALUES_AN_HOUR: Final = 6
KILOVOLTS: Final = (13.2, 23.0)
HERE: Final = ZoneInfo("America/Santiago")
TAKEN_AT: Final = datetime(2026, 6, 1, 9, 40, tzinfo=UTC)
DIVISION: Final[Place] = (REGION, "R-1")
SIZES: Final = (120.0, 900.0, 300.0, 7600.0)
"""Of a feeder's phase: A, kW, kvar, V."""


@dataclass(frozen=True, slots=True)
class Division:
    """How large it is."""

    feeders: int
    meters: int
    seed: int = 7

    @property
    def substations(self) -> int:
        return -(-self.feeders // FEEDERS_OF_SUBSTATION)

    def volts(self, feeder: int) -> float:
        """Nominal, between phases."""
        return KILOVOLTS[feeder // FEEDERS_OF_SUBSTATION % len(KILOVOLTS)] * 1000

    def of_substation(self, number: int) -> Sequence[int]:
        """Its feeders."""
        first = number * FEEDERS_OF_SUBSTATION
        return range(first, min(first + FEEDERS_OF_SUBSTATION, self.feeders))


def siad(feeder: int) -> str:
    return f"CIR-{feeder:04}"


def simoce(feeder: int) -> str:
    return f"SE{feeder // FEEDERS_OF_SUBSTATION:03}/{feeder % FEEDERS_OF_SUBSTATION + 1}"


def substation(number: int) -> Place:
    return SUBSTATION, f"SE-{number:03}"


async def fill(store: Store, division: Division) -> None:
    """Put all of it into an empty database, feeder by feeder."""
    await store.run(lambda tx: _registry(tx, division))
    await store.run(lambda tx: _tree(tx, division))
    for feeder in range(division.feeders):
        hours = [*hours_of(division, feeder)]
        volts = division.volts(feeder)

        def keep(
            tx: Transaction, hours: list[list[FeederHour]] = hours, volts: float = volts
        ) -> None:
            for day in hours:
                tx.put_feeder_hours(day[0].feeder, day[0].day, day)
            for roll in rolls_of(hours, volts):
                tx.put_feeder_roll(roll)

        await store.run(keep)


def hours_of(division: Division, feeder: int) -> Iterator[list[FeederHour]]:
    """Day by day: unbalanced in its own way; one value in 200 is missing, one in 100 of too few."""
    rng = np.random.default_rng((division.seed, feeder))
    days = [NEWEST - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    ends = [(day, int(end)) for day in days for end in hour_ends(day, HERE)]
    shape = (len(ends), len(QUANTITIES), len(PHASES))
    skew = rng.normal(1.0, 0.12, shape[1:])
    skew[-1] = 1 + (skew[-1] - 1) / 20
    wave = 1 + 0.4 * np.sin(np.arange(len(ends)) / 24 * 2 * np.pi)
    wave = np.stack([wave, wave, wave, np.ones(len(ends))], axis=-1)[..., None]
    means = np.array(SIZES)[:, None] * skew * wave * rng.normal(1.0, 0.03, shape)
    received = np.where(rng.random(shape) < 0.01, 4, VALUES_AN_HOUR)
    gone = rng.random(shape) < 0.005
    means, received = np.where(gone, np.nan, np.round(means, 3)), np.where(gone, 0, received)
    made: dict[date, list[FeederHour]] = {day: [] for day in days}
    for (day, end), row, counts in zip(ends, means, received, strict=True):
        made[day].append(_hour(simoce(feeder), day, end, row, counts))
    yield from made.values()


def _hour(name: str, day: date, end: int, means: Real, counts: npt.NDArray[np.int64]) -> FeederHour:
    told = [None if each != each else each for each in means.ravel().tolist()]
    whole = (means[0].mean(), means[1].sum(), means[2].sum())
    told += [None if np.isnan(each) else float(each) for each in whole]
    had = [*counts.ravel().tolist(), *counts[:3].min(axis=1).tolist()]
    assert len(told) == len(CHANNELS)
    begin = end - HOUR_S
    return FeederHour(name, begin, day, VALUES_AN_HOUR, tuple(told), tuple(had), TAKEN_AT)


def rolls_of(days: Sequence[Sequence[FeederHour]], volts: float) -> Iterator[FeederRoll]:
    """What the task makes of a feeder's days: of all of them, and windows that hold no other."""
    by_day = {day[0].day: day_roll(day, AnalysisPolicy(), volts) for day in days}
    yield from by_day.values()
    for back in range(TREND_DAYS, -1, -1):
        end = NEWEST - timedelta(days=back)
        for span in (Span.HOURS_48, Span.MONTH):
            name = days[0][0].feeder
            made = window_roll(span, end, name, by_day, HERE, HOUR_S // VALUES_AN_HOUR)
            assert made is not None, "all of its days are there"
            yield made


def _registry(tx: Transaction, division: Division) -> None:
    count = -(-division.meters // METERS_OF_CONCENTRATOR)
    names = [f"DC-{number:04}" for number in range(max(count, 1))]
    tx.put_concentrators([Concentrator(each) for each in names])
    tx.put_meters(
        Meter(
            f"{70_000_000 + number}", names[number // METERS_OF_CONCENTRATOR], commissioned=True,
            contracted_w=Decimal(6600), stage=Stage.IN_SERVICE,
        )
        for number in range(division.meters)
    )  # fmt: skip


def _tree(tx: Transaction, division: Division) -> None:
    tx.keep_instances("SIAD", LEVELS, _instances(division))
    tx.keep_feeder_mappings(
        FeederMapping(siad(it), simoce(it), _name(it), "", REPOSITORY, TAKEN_AT)
        for it in range(division.feeders)
    )


def _instances(division: Division) -> Iterator[KeptInstance]:
    yield _kept(*DIVISION, "División Norte", {})
    yield _kept(ZONE, "Z-1", "Zona Litoral", {"Region": DIVISION[1]})
    for number in range(-(-division.substations // SUBSTATIONS_OF_AREA)):
        yield _kept(AREA, f"A-{number}", f"Área {number + 1}", {"Zone": "Z-1"})
    for number in range(division.substations):
        volts = division.volts(number * FEEDERS_OF_SUBSTATION)
        above = {"Area": f"A-{number // SUBSTATIONS_OF_AREA}", "Region": "Z-1"}
        more = {"nominalVoltage": f"{volts / 1000}"}
        yield _kept(SUBSTATION, substation(number)[1], f"Subestación {number + 1}", above, more)
    for feeder in range(division.feeders):
        station = substation(feeder // FEEDERS_OF_SUBSTATION)[1]
        above = {"NormalEnergizingSubstation": station}
        yield _kept(CIRCUIT, siad(feeder), _name(feeder), above)


def _name(feeder: int) -> str:
    return f"Circuito {feeder + 1:04}"


def _kept(
    cls: str, key: str, name: str, above: dict[str, str], more: Mapping[str, str] | None = None
) -> KeptInstance:
    return KeptInstance("SIAD", cls, key, {"name": name, **(more or {})}, above, TAKEN_AT)
