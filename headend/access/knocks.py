"""Too many wrong tries from one place: it is refused for a while, and the log is not filled by it.

In this process's memory, bounded: what is forgotten at a restart are counts, no accounts' locks.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

PLACES_MAX = 4096
"""Of those that tried wrongly; the one that did so longest ago is forgotten first."""


@dataclass(slots=True)
class _Place:
    since: datetime
    count: int = 0


@dataclass(slots=True)
class Knocks:
    """Counts wrong tries of each place within a window; `most` of them close the door to it."""

    most: int
    window: timedelta
    _places: OrderedDict[str, _Place] = field(default_factory=OrderedDict)

    def shut(self, place: str, now: datetime) -> float | None:
        """Seconds for which a place is refused; None where it is not."""
        known = self._places.get(place)
        if known is None or known.count < self.most:
            return None
        left = (known.since + self.window - now).total_seconds()
        if left <= 0:
            del self._places[place]
            return None
        return left

    def wrong(self, place: str, now: datetime) -> bool:
        """Count a wrong try; True where it is the one that closes the door."""
        known = self._places.get(place)
        if known is None or now >= known.since + self.window:
            known = self._places[place] = _Place(now)
        known.count += 1
        self._places.move_to_end(place)
        if len(self._places) > PLACES_MAX:
            self._places.popitem(last=False)
        return known.count == self.most
