"""A stretch of the field's time: when a fault holds.

Times are POSIX seconds UTC, as `simpy.Environment.now` of `devices.clock.world` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until just before `end`; None means since ever, or for ever."""

    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"a span that ends at {self.end} and starts at {self.start}")

    def covers(self, now: float) -> bool:
        """Whether `now` lies in the span."""
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)
