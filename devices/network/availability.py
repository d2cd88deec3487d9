"""How many keep-alives were heard of each module, by the hour.

An hour's availability is the share of the keep-alives that were asked for and heard.  The counts
are the concentrator's own, and kept for some days; an hour in which it had no power counts nothing.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

HOUR_S = 3600
HOURS_KEPT = 80  # three days and a few hours, so that a report that fails once can be fetched again


@dataclass(slots=True)
class Hour:
    """Keep-alives in one hour."""

    asked: int = 0  # of every module
    heard: Counter[int] = field(default_factory=Counter)  # by module


class Availability:
    """The counts by hour; hours are numbered from 1970."""

    def __init__(self) -> None:
        self._hours: OrderedDict[int, Hour] = OrderedDict()

    def add(self, now: float, heard: list[int]) -> None:
        """One round of keep-alives, and which modules were heard."""
        number = int(now // HOUR_S)
        hour = self._hours.get(number)
        if hour is None:
            hour = self._hours[number] = Hour()
            while len(self._hours) > HOURS_KEPT:
                self._hours.popitem(last=False)
        hour.asked += 1
        hour.heard.update(heard)

    def hours(self, since: float, until: float) -> list[int]:
        """The hours of which there are counts, of those that begin in [since, until)."""
        return [number for number in self._hours if since <= number * HOUR_S < until]

    def of(self, node: int, hour: int) -> tuple[int, int]:
        """Keep-alives heard of a module in an hour, and asked for."""
        counts = self._hours.get(hour) or Hour()
        return counts.heard.get(node, 0), counts.asked
