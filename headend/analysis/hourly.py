"""Values of ten or fifteen minutes as averages of hours, with how many of them there were."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import Real

Counts = npt.NDArray[np.int64]

HOUR_S = 3600


class Hours(NamedTuple):
    """Averages of hours, `means` (..., hours, quantities, phases), NaN where there was no value.

    `received` has the same shape: how many values each average is of.  `expected` (hours) is how
    many each phase should have had.
    """

    means: Real
    received: Counts
    expected: Counts


def hourly(
    ends_s: npt.ArrayLike, values: npt.ArrayLike, hour_ends_s: npt.ArrayLike, period_s: int
) -> Hours:
    """Averages of the hours that end at `hour_ends_s`, POSIX seconds, increasing.

    `values` are (n, ...) and belong to the periods that end at `ends_s` (n), in any order, whose
    length is `period_s`: one that ends at an hour's end is its last.  Of a period that came several
    times the first that has a value counts.  What lies in none of the hours is left out.

    Raises ValueError where an hour does not hold a whole number of periods.
    """
    if period_s <= 0 or HOUR_S % period_s:
        raise ValueError(f"an hour does not hold a whole number of periods of {period_s} s")
    hours = np.asarray(hour_ends_s, dtype=np.int64)
    ends, given = _once(np.asarray(ends_s, dtype=np.int64), np.asarray(values, dtype=np.float64))
    place = np.searchsorted(hours, ends)
    inside = np.zeros(len(ends), dtype=bool)
    if len(hours):
        nearest = hours[np.minimum(place, len(hours) - 1)]
        inside = (ends <= nearest) & (ends > nearest - HOUR_S)
    there = ~np.isnan(given[inside])
    total = np.zeros((len(hours), *given.shape[1:]))
    received = np.zeros(total.shape, dtype=np.int64)
    np.add.at(total, place[inside], np.where(there, given[inside], 0.0))
    np.add.at(received, place[inside], there)
    means = np.where(received > 0, total / np.maximum(received, 1), np.nan)
    return Hours(means, received, np.full(len(hours), HOUR_S // period_s, dtype=np.int64))


def _once(ends: Counts, values: Real) -> tuple[Counts, Real]:
    """Each period once, in the order of time: of each of its values the first that is there."""
    once, place = np.unique(ends, return_inverse=True)
    if len(once) == len(ends):
        return once, values[np.argsort(ends)]
    found = np.full((len(once), *values.shape[1:]), np.nan)
    for row in range(len(ends) - 1, -1, -1):
        at = place[row]
        found[at] = np.where(np.isnan(values[row]), found[at], values[row])
    return once, found


def arranged(
    feeder: npt.ArrayLike,
    hour: npt.ArrayLike,
    means: npt.ArrayLike,
    received: npt.ArrayLike,
    *,
    shape: tuple[int, int],
    expected: int,
) -> Hours:
    """Rows of hours, as they were stored, in their places: (feeders, hours) as `shape` tells.

    `feeder` and `hour` are each row's places, `means` and `received` its averages and of how many
    values each is (rows, quantities, phases); of `expected` in an hour.  Where there is no row,
    nothing was received.
    """
    averages = np.asarray(means, dtype=np.float64)
    at = np.asarray(feeder, dtype=np.int64), np.asarray(hour, dtype=np.int64)
    placed = np.full((*shape, *averages.shape[1:]), np.nan)
    counted = np.zeros(placed.shape, dtype=np.int64)
    placed[at] = averages
    counted[at] = np.asarray(received, dtype=np.int64)
    return Hours(placed, counted, np.full(shape[1], expected, dtype=np.int64))
