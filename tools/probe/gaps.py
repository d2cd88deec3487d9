"""Which rows of a profile are missing, by the times of those that are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Gap:
    """So many rows that should stand between two that do; `after` is the last before them."""

    after: datetime
    before: datetime
    missing: int


def gaps(times: Sequence[datetime | None], period_s: int) -> Iterator[Gap]:
    """The gaps between rows, in their order.

    A profile that captures on events (period 0) has none.  Rows that say their zone are compared
    as moments, so that a change to daylight saving makes none; others by what their clock showed.
    """
    if period_s <= 0:
        return
    known = [time for time in times if time is not None]
    for first, second in zip(known, known[1:], strict=False):
        apart = difference(first, second)
        missing = round(apart / timedelta(seconds=period_s)) - 1
        if missing > 0:
            yield Gap(first, second, missing)


def difference(first: datetime, second: datetime) -> timedelta:
    """From the first to the second; as wall-clock time where one of them names no zone."""
    if first.tzinfo is None or second.tzinfo is None:
        return second.replace(tzinfo=None) - first.replace(tzinfo=None)
    return second.astimezone(UTC) - first.astimezone(UTC)
