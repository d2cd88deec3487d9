"""InfoGenerationHr: days, Mobile 48 h and Mobile Month of each feeder, of its hours.

Only what is new is worked out, unless all is asked for: a day whose hours came or changed since,
and the windows that hold it.  Roll-ups are whole numbers that add up exactly
(`headend.analysis.rollup`), so that what is reached by adding is what working out everything anew
would give.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Annotated, Final

import msgspec
import numpy as np

from headend.analysis.bands import floors
from headend.analysis.figures import percentile
from headend.analysis.hourly import HOUR_S, Hours
from headend.analysis.quantity import PHASES, QUANTITIES, Real
from headend.analysis.rollup import Rollup, rolled
from headend.analysis.windows import MOBILE_48H_DAYS, MOBILE_MONTH_DAYS, hour_ends, newest_day
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import FeederHour, FeederRoll, Span
from headend.domain.task import Told
from headend.domain.utility_day import days
from headend.ports import Transaction
from headend.tasks.kinds import Kind
from headend.tasks.levels import nominal_volts
from headend.tasks.work import Failed, Work

LENGTHS: Final = {Span.HOURS_48: MOBILE_48H_DAYS, Span.MONTH: MOBILE_MONTH_DAYS}
_SHAPE: Final = (len(QUANTITIES), len(PHASES))
_WIDTH: Final = _SHAPE[0] * _SHAPE[1]
_DAY = timedelta(days=1)


class RollupParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`days` up to the day before yesterday in which what is new is looked for; `anew` has all of
    them worked out again: by another minimum coverage, other floors, other nominal voltages."""

    days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 40
    period_s: Annotated[int, msgspec.Meta(ge=60, le=3600)] = 600
    anew: bool = False


async def roll_up(work: Work, given: RollupParameters) -> Told | Failed:
    """Roll up what is new, feeder by feeder."""
    newest = newest_day(work.day)
    first = newest - timedelta(days=given.days - 1)
    month = newest - timedelta(days=MOBILE_MONTH_DAYS - 1)

    def ask(tx: Transaction) -> tuple[dict[str, list[date]], dict[str, float]]:
        fresh: dict[str, list[date]] = {it: [] for it in tx.feeders_with_hours(month, newest)}
        for feeder, day in tx.feeder_days_to_roll(first, newest, anew=given.anew):
            fresh.setdefault(feeder, []).append(day)
        return fresh, nominal_volts(tx)

    fresh, nominal = await work.store.run(ask)
    if not fresh:
        return Failed("no-hours", f"no feeder has hours up to {newest}: UnbalanceHr loads them")
    rolls: dict[Span, int] = defaultdict(int)
    for number, (feeder, changed) in enumerate(sorted(fresh.items())):
        await work.step(feeder, number, len(fresh))
        volts = nominal.get(feeder)
        made = await work.store.run(
            partial(
                _of_feeder,
                feeder=feeder,
                changed=changed,
                newest=newest,
                volts=volts,
                work=work,
                given=given,
            )  # fmt: skip
        )
        for span, count in made.items():
            rolls[span] += count
    return {
        "day": newest.isoformat(),
        "feeders": len(fresh),
        "days": rolls[Span.DAY],
        "windows": rolls[Span.HOURS_48] + rolls[Span.MONTH],
    }


def _of_feeder(
    tx: Transaction,
    feeder: str,
    changed: Sequence[date],
    newest: date,
    volts: float | None,
    work: Work,
    given: RollupParameters,
) -> dict[Span, int]:
    """Roll up one feeder's new days and their windows; how many of each."""
    made: dict[Span, int] = defaultdict(int)
    for day in changed:
        hours = tx.feeder_hours(feeder, day, day)
        tx.put_feeder_roll(day_roll(hours, work.analysis, volts))
        made[Span.DAY] += 1
    last = newest
    if changed:  # a run for a past day: later windows may have been worked out already
        longest = max(changed) + (MOBILE_MONTH_DAYS - 1) * _DAY
        kept = tx.feeder_rolls(feeder, Span.MONTH, newest, longest)
        last = max([newest, *(each.day for each in kept)])
    for span, length in LENGTHS.items():
        ends = {day + number * _DAY for day in changed for number in range(length)} | {newest}
        wanted = sorted(each for each in ends if each <= last)
        if not changed and tx.feeder_rolls(feeder, span, newest, newest):
            continue
        parts = tx.feeder_rolls(feeder, Span.DAY, wanted[0] - (length - 1) * _DAY, wanted[-1])
        by_day = {each.day: each for each in parts}
        for end in wanted:
            roll = window_roll(span, end, feeder, by_day, work.zone, given.period_s)
            if roll is not None:
                tx.put_feeder_roll(roll)
                made[span] += 1
    return made


def day_roll(
    hours: Sequence[FeederHour], policy: AnalysisPolicy, nominal_v: float | None
) -> FeederRoll:
    """A feeder's hours of one day, as one; `nominal_v` volts between phases."""
    parts, percents = rolled(
        as_hours(hours),
        floors=floors(policy.bands_at(nominal_v)),
        minimum_coverage=policy.minimum_coverage,
    )
    return FeederRoll(
        Span.DAY, hours[0].day, hours[0].feeder, _row(parts.over(0)),
        tuple(_told(each) for each in percents), _told(percentile(percents)),
        max(each.taken_at for each in hours),
    )  # fmt: skip


def window_roll(
    span: Span,
    end: date,
    feeder: str,
    by_day: dict[date, FeederRoll],
    zone: tzinfo,
    period_s: int,
) -> FeederRoll | None:
    """The days up to `end` added up; one that is missing counts as hours without a value.  None
    where all are missing."""
    wanted = [*days(end - (LENGTHS[span] - 1) * _DAY, end)]
    there = [by_day[day] for day in wanted if day in by_day]
    if not there:
        return None
    rows = np.array([each.rollup for each in there], dtype=np.int64)
    total = Rollup.of_flat(rows).over(0)
    for day in wanted:
        if day not in by_day:
            total = total + empty_day(day, zone, period_s)
    percents = [percent for each in there for percent in each.percents]
    p95 = percentile(np.array(percents, dtype=np.float64))
    raw_at: datetime = max(each.raw_at for each in there)
    return FeederRoll(span, end, feeder, _row(total), (), _told(p95), raw_at)


def empty_day(day: date, zone: tzinfo, period_s: int) -> Rollup:
    """A day of which nothing came: its hours, and the values that there should have been."""
    count = len(hour_ends(day, zone))
    nothing = np.full((count, *_SHAPE), np.nan)
    expected = np.full(count, HOUR_S // period_s, dtype=np.int64)
    parts, _ = rolled(Hours(nothing, np.zeros(nothing.shape, dtype=np.int64), expected))
    return parts.over(0)


def as_hours(hours: Sequence[FeederHour]) -> Hours:
    """Stored hours as arrays."""
    means = np.array([each.means[:_WIDTH] for each in hours], dtype=np.float64)
    counts = np.array([each.counts[:_WIDTH] for each in hours], dtype=np.int64)
    expected = np.array([each.expected for each in hours], dtype=np.int64)
    return Hours(means.reshape(-1, *_SHAPE), counts.reshape(-1, *_SHAPE), expected)


def _row(rollup: Rollup) -> tuple[int, ...]:
    return tuple(int(each) for each in rollup.flat())


def _told(percents: Real) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(each) else float(each) for each in percents)


KIND: Final = Kind(
    name="InfoGenerationHr",
    about="Rolls feeders' hours up: by day, Mobile 48 h and Mobile Month.",
    parameters=RollupParameters,
    work=roll_up,
    standard=lambda settings: settings.rollups_at,
    after=("UnbalanceHr",),
)
