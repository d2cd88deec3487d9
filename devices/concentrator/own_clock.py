"""A concentrator's own clock, which may be wrong, and how long a command may still be carried out.

`not_after` is the head-end's time.  A clock that is ahead only gives up early.  One that is behind
would act too late, so every command says when it was sent: a clock that shows less than that is
behind by at least the difference.  And one that is set back while a command waits would give it
time that it has not, so the time left is also counted by the counter of uptime, which nobody sets.
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
    drifted_s: float = 0.0  # until then

    def uptime(self, now: float) -> float:
        """A count of seconds that drifts with the clock and is never set."""
        return now + self.drifted_s + (now - self.since) * self.drift_ppm / 1e6

    def error_s(self, now: float) -> float:
        """By how much the clock is ahead of the world."""
        return self.uptime(now) - now + self.offset_s

    def read(self, now: float) -> datetime:
        """What the clock shows, to the microsecond."""
        return datetime.fromtimestamp(now, UTC) + timedelta(seconds=self.error_s(now))

    def behind_s(self, sent_at: datetime | None, now: float) -> float:
        """By how much the clock is behind, at least, as a message shows that was sent then."""
        if sent_at is None:
            return 0.0
        return max(0.0, (sent_at - self.read(now)).total_seconds())

    def left_s(self, not_after: datetime, behind_s: float, now: float) -> float:
        """How long until `not_after`, by the clock; negative once it has passed."""
        return (not_after - self.read(now)).total_seconds() - behind_s

    def drift(self, ppm: float, now: float) -> None:
        """Run fast (or slow, negative) from now on."""
        self.drifted_s, self.since, self.drift_ppm = self.uptime(now) - now, now, ppm

    def step(self, seconds: float) -> None:
        """Be set ahead, or back where negative."""
        self.offset_s += seconds

    def set_right(self, now: float) -> None:
        """Be set to the world's time."""
        self.offset_s -= self.error_s(now)
