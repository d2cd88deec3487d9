"""A concentrator's own clock, and what it has learned about being behind.

`not_after` is the head-end's time.  A clock that is ahead only gives up early.  One that is behind
would act too late, so every command says when it was sent: a clock that shows less than that is
behind by at least the difference, and `not_after` is counted with that added.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(slots=True)
class OwnClock:
    """A clock that is wrong by `offset_s` and drifts.  `now` is the world's time, POSIX seconds."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0
    since: float = 0.0  # when it drifted by nothing yet
    behind_s: float = 0.0  # at least; learned from the head-end

    def error_s(self, now: float) -> float:
        """By how much the clock is ahead of the world."""
        return self.offset_s + (now - self.since) * self.drift_ppm / 1e6

    def read(self, now: float) -> datetime:
        """What the clock shows, to the microsecond."""
        return datetime.fromtimestamp(now, UTC) + timedelta(seconds=self.error_s(now))

    def heard(self, sent_at: datetime | None, now: float) -> None:
        """The head-end sent a message at this time of its own."""
        if sent_at is not None:
            self.behind_s = max(self.behind_s, (sent_at - self.read(now)).total_seconds())

    def expires_in_s(self, not_after: datetime, now: float) -> float:
        """How long until `not_after`, at most; negative once it has passed."""
        return (not_after - self.read(now)).total_seconds() - self.behind_s

    def drift(self, ppm: float, now: float) -> None:
        """Run fast (or slow, negative) from now on."""
        self.offset_s, self.since, self.drift_ppm = self.error_s(now), now, ppm

    def step(self, seconds: float) -> None:
        """Jump ahead, or back where negative."""
        self.offset_s += seconds
