"""One direction of a connection inside the process: in order, slow, and at times cut."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

Delay = Callable[[int], float]
"""How long a packet of so many octets takes in one direction, in seconds."""


class Pipe:
    """Carries packets in order, each as late as `delay_s` says; holds them while it is cut.

    A packet is what happens when it arrives.
    """

    def __init__(self, delay_s: Delay) -> None:
        self.cut = False
        self._delay_s = delay_s
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[Callable[[], None]] = deque()
        self._timers: deque[asyncio.TimerHandle] = deque()
        self._last_due = 0.0
        self._held = 0
        self._closed = False

    def send(self, octets: int, arrive: Callable[[], None]) -> None:
        """Have `arrive` called at the other end, behind whatever was sent before."""
        if self._closed:
            return
        self._last_due = max(self._last_due, self._loop.time() + self._delay_s(octets))
        self._under_way.append(arrive)
        self._timers.append(self._loop.call_at(self._last_due, self._end_of_line))

    def restore(self) -> None:
        """Carry again; what was held arrives now."""
        self.cut = False
        while self._held and not self._closed:
            self._held -= 1
            self._under_way.popleft()()

    def close(self) -> None:
        """Nothing arrives any more."""
        self._closed = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._under_way.clear()

    def _end_of_line(self) -> None:
        if self._closed:
            return  # due at the same instant as a timer that was cancelled in its place
        self._timers.popleft()
        if self.cut:
            self._held += 1
        else:
            self._under_way.popleft()()
