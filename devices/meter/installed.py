"""A meter in a SimPy world: it answers at the world's time and acts when it is due.

The meter itself knows no kernel.  This puts one timer into the world while the meter has something
to do by itself, such as a limiter that counts; an untouched meter puts none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import simpy

from devices.meter.device import Meter

T = TypeVar("T")


class InstalledMeter:
    """One meter at its place.  Whatever is done to it from outside goes through here."""

    __slots__ = ("_due", "_env", "meter")

    def __init__(self, env: simpy.Environment, meter: Meter) -> None:
        self._env = env
        self._due: float | None = None
        self.meter = meter
        self._arm()

    def receive(self, frame: bytes) -> list[bytes]:
        """Answer a wrapper frame now."""
        return self.do(lambda meter, now: meter.receive(frame, now=now))

    def do(self, action: Callable[[Meter, float], T]) -> T:
        """Act on the meter now: press its button, break it, give it another load."""
        now = self._env.now
        self.meter.advance(now)
        result = action(self.meter, now)
        self._arm()
        return result

    def _arm(self) -> None:
        due = self.meter.next_deadline()
        if due is None or due == self._due:
            return
        self._due = due
        timer = self._env.timeout(max(due - self._env.now, 0.0), due)
        timer.callbacks.append(self._wake)

    def _wake(self, timer: simpy.Event) -> None:
        due = timer.value
        if due is None or due != self._due:
            return  # something else came first, and armed another timer
        self._due = None
        # Rounding may bring the timer a hair before the moment; the deed is due all the same.
        self.meter.advance(max(due, self._env.now))
        self._arm()
