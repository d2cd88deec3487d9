"""Energy since an origin from loads that come again after four weeks: sums of few terms.

What flows is known for quarter hours, so an integral up to any moment is that of whole periods, of
the days of this period, of the quarter hours of this day, and of a part of one: exact integers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from devices.grid.customers import PERIOD_DAYS, Integers
from devices.meter.load import MS_PER_S, SLOT_S, SLOTS_PER_DAY, milliseconds

ORIGIN_DAY = 652 * PERIOD_DAYS
"""Since when energies count: 2019-12-26, in days since 1970."""

SLOT_MS = SLOT_S * MS_PER_S
DAY_MS = SLOTS_PER_DAY * SLOT_MS

Flows = npt.NDArray[np.int64]  # slots x quantities, watts and vars of 0 and more


class DaySums(NamedTuple):
    """A day, one row for each quarter hour: what flowed before it, W ms, and what flows in it, W.

    Arrays: lists of whole numbers are read somewhat faster, but take four times the memory, so that
    fewer days can be kept, and to make them takes longer than all that is read of most days.
    """

    before: Flows
    flows: Flows


PeriodSums = list[list[int]]
"""What flowed in a period before each of its days, and in all of it at the end; W ms."""


def flows_of(watts: Integers, vars_: Integers) -> Flows:
    """Import and export, active and reactive, summed over phases; slots in rows."""
    parts = (watts, -watts, vars_, -vars_)
    return np.stack([np.maximum(part, 0).sum(axis=1) for part in parts], axis=1).astype(np.int64)


def day_sums(flows: Flows) -> DaySums:
    """A day's, to be asked many times."""
    before = np.zeros_like(flows)
    np.cumsum(flows[:-1] * SLOT_MS, axis=0, out=before[1:])
    return DaySums(before, flows)


def period_sums(days: list[Flows]) -> PeriodSums:
    """A period's, of its days in their order."""
    sums = np.zeros((PERIOD_DAYS + 1, days[0].shape[1]), dtype=np.int64)
    np.cumsum([day.sum(axis=0) * SLOT_MS for day in days], axis=0, out=sums[1:])
    found: PeriodSums = sums.tolist()
    return found


def within(flows: Flows, until_ms: int) -> Flows:
    """What flows on a day from midnight on, W ms."""
    slot, part_ms = divmod(until_ms, SLOT_MS)
    found: Flows = flows[:slot].sum(axis=0) * SLOT_MS
    return found + flows[slot] * part_ms if part_ms else found


def total(sums: PeriodSums, now: float, day_sums_on: Callable[[int], DaySums]) -> list[int]:
    """What has flowed since the origin.  Days of the period are counted from 0."""
    days, within_ms = divmod(milliseconds(now), DAY_MS)
    periods, day = divmod(days - ORIGIN_DAY, PERIOD_DAYS)
    if not within_ms:
        return [periods * whole + early for whole, early in zip(sums[-1], sums[day], strict=True)]
    slot, part_ms = divmod(within_ms, SLOT_MS)
    today = day_sums_on(day)
    return [
        periods * whole + early + before + flow * part_ms
        for whole, early, before, flow in zip(
            sums[-1],
            sums[day],
            today.before[slot].tolist(),
            today.flows[slot].tolist(),
            strict=True,
        )
    ]
