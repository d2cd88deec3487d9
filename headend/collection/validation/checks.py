"""What can be odd about a day's values, one function for each.  A finding changes no value."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from headend.collection.validation.channels import Nature, Point
from headend.domain.interval import Row, RowQuality
from headend.domain.validation import Check, Finding

SPIKE_OVER_THIRD = 1.8
"""The highest interval exceeds the third highest by more than 180 % of it: the spike check of
California's rules for validating meter data (DASMMD) [memory]."""
READ_TOLERANCE_S = 120
"""A register read carries the time of its receipt, where the meter gives none."""

_CLOCK = RowQuality.CLOCK_DOUBTFUL | RowQuality.OFF_PERIOD | RowQuality.AHEAD


def odd_clocks(rows: Iterable[Row]) -> Iterator[Finding]:
    """Rows whose time is not to be relied on."""
    for row in rows:
        if odd := RowQuality(row.quality) & _CLOCK:
            names = ", ".join(each.name.lower() for each in odd if each.name)
            yield Finding(Check.CLOCK, row.at, text=names.replace("_", " "))


def duplicates(rows: Iterable[Row]) -> Iterator[Finding]:
    """Intervals that came again and said something else."""
    for row in rows:
        if row.quality & RowQuality.CHANGED:
            yield Finding(Check.DUPLICATE, row.at, text="came again with another value")


def spikes(energies: Sequence[Point], floor: float, channel: str = "") -> Iterator[Finding]:
    """The interval of a day that stands far above the others.  Up to `floor` nothing is odd: a
    kettle in an empty house is no spike."""
    if len(energies) < 3:
        return
    highest = sorted(energies, key=lambda point: point.value)[-3:]
    top, third = highest[-1], highest[0].value
    if top.value > floor and top.value - third > SPIKE_OVER_THIRD * max(third, 0):
        text = f"{top.value} in an interval; the third highest of the day is {third}"
        yield Finding(Check.SPIKE, top.at, channel, text)


def negatives(points: Sequence[Point], nature: Nature, channel: str = "") -> Iterator[Finding]:
    """A register that runs back; a quantity of an interval, or a moment, below nought."""
    if nature is Nature.REGISTER:
        for before, after in itertools.pairwise(points):
            if after.value < before.value:
                text = f"{after.value} after {before.value}"
                yield Finding(Check.NEGATIVE, after.at, channel, text)
        return
    for point in points:
        if point.value < 0:
            yield Finding(Check.NEGATIVE, point.at, channel, str(point.value))


def against_register(
    points: Sequence[Point], reads: Iterable[Point], channel: str = ""
) -> Iterator[Finding]:
    """Reads of a register, where its profile says that it must have shown something else then: less
    than before, or more than after."""
    times = [point.at for point in points]
    for read in reads:
        before = bisect_right(times, read.at - READ_TOLERANCE_S)
        after = bisect_left(times, read.at)
        low = points[before - 1] if before else None
        high = points[after] if after < len(points) else None
        if low is not None and read.value < low.value:
            text = f"read {read.value}, below {low.value} in the profile before"
            yield Finding(Check.REGISTER, read.at, channel, text)
        elif high is not None and read.value > high.value:
            text = f"read {read.value}, above {high.value} in the profile after"
            yield Finding(Check.REGISTER, read.at, channel, text)


def sum_against_register(
    points: Sequence[Point], reads: Sequence[Point], period_s: int, channel: str = ""
) -> Iterator[Finding]:
    """Two reads of a register, where the intervals between them add up to another amount.

    Of the intervals at both ends it is not known how much lies between the reads; where one of them
    all is missing, nothing is.
    """
    known = {point.at: point.value for point in points}
    for first, second in itertools.pairwise(reads):
        begin, end = first.at - READ_TOLERANCE_S, second.at
        touched = range((begin // period_s + 1) * period_s, end + period_s, period_s)
        if any(at not in known for at in touched):
            continue
        whole = (at for at in touched if first.at <= at - period_s and at <= end - READ_TOLERANCE_S)
        inner = sum(known[at] for at in whole)
        outer = sum(known[at] for at in touched)
        gained = second.value - first.value
        # A register cuts off what the intervals' own counts may have rounded.
        if not inner - 1 <= gained <= outer + 1:
            text = f"gained {gained}; the intervals add up to {inner} at least, {outer} at most"
            yield Finding(Check.REGISTER, second.at, channel, text)
