"""How a meter's clock stood when an order looked at it, and what was done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from headend.domain.upkeep import ClockMeasured
from protocols.concentrator.messages import ClockTold

KNOWN_FOR = 2.5
"""How many rounds of asking a concentrator's clock stays known for: one may be lost, not two."""


@dataclass(frozen=True, slots=True)
class MeterClock:
    """Seconds that the meter was ahead of the head-end, each known to its error.

    `before_s` is None where the clock showed no time, or nobody heard what it showed.
    """

    meter: str
    at: datetime
    order: int
    before_s: float | None
    error_s: float
    by: str = "nothing"  # "nothing", "shift", "set": what was sent
    moved_s: float = 0.0
    after_s: float | None = None
    after_error_s: float | None = None

    @staticmethod
    def of(
        told: ClockTold, meter: str, order: int, at: datetime, held_to: ClockMeasured | None
    ) -> MeterClock:
        """A telling; `held_to` is the clock that it was held to, where that was not our own."""
        ahead_s = 0.0 if held_to is None else held_to.offset_s
        error_s = 0.0 if held_to is None else held_to.error_s

        def shifted(seconds: float | None, by_s: float) -> float | None:
            return None if seconds is None else round(seconds + by_s, 3)

        return MeterClock(
            meter, at, order,
            shifted(told.before_s, ahead_s), round(told.error_s + error_s, 3),
            told.by, told.moved_s,
            shifted(told.after_s, ahead_s), shifted(told.after_error_s, error_s),
        )  # fmt: skip

    def __str__(self) -> str:
        text = "showed no time" if self.before_s is None else f"was {_off(self.before_s)}"
        text += f" (known to {self.error_s:g} s)"
        if self.by == "nothing":
            return f"the clock {text} and was left alone"
        done = "was set" if self.by == "set" else f"was shifted by {self.moved_s:+g} s"
        after = "what it shows now is not known"
        if self.after_s is not None:
            after = f"is {_off(self.after_s)} now (known to {self.after_error_s or 0:g} s)"
        return f"the clock {text}, {done}, {after}"


def trusted(measured: ClockMeasured | None, now: datetime, state_every_s: float) -> bool:
    """Whether a concentrator's clock may be passed on to its meters: it was right when it was asked
    last, which is not long ago."""
    if measured is None or measured.shifted_s:
        return False
    return now - measured.at <= timedelta(seconds=KNOWN_FOR * state_every_s)


def _off(seconds: float) -> str:
    if not round(seconds, 1):
        return "right"
    return f"{abs(seconds):.1f} s {'ahead' if seconds > 0 else 'behind'}"
