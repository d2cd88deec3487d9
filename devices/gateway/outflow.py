"""What a meter's line carries away: octets and settings in order, at a line's pace if asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from protocols.link import SetLine


@dataclass(frozen=True, slots=True)
class Pace:
    """How a line holds back what it carries."""

    airtime: bool = False
    """Octets take the time that they would take at the line's speed, where it has one."""
    pause_s: float = 0.0
    """Before each frame; meters are seen that wait up to 4 s between two."""


class Outflow:
    """For the live loop only."""

    def __init__(
        self,
        transmit: Callable[[bytes], None],
        set_line: Callable[[SetLine], None],
        pace: Pace,
    ) -> None:
        self._transmit = transmit
        self._set_line = set_line
        self._pace = pace
        self._queue: deque[bytes | SetLine] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._line: SetLine | None = None

    def put(self, item: bytes | SetLine) -> None:
        """Send this when all before it has left."""
        self._queue.append(item)
        if self._timer is None:
            self._next()

    def close(self) -> None:
        """Nothing of it any more."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _next(self) -> None:
        self._timer = None
        while self._queue and self._timer is None:
            item = self._queue[0]
            delay_s = self._delay_s(item) if isinstance(item, bytes) else 0.0
            if delay_s:
                # A frame arrives whole, when its last octet would have.
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(delay_s, self._send_first)
            else:
                self._send(self._queue.popleft())

    def _send_first(self) -> None:
        self._send(self._queue.popleft())
        self._next()

    def _send(self, item: bytes | SetLine) -> None:
        if isinstance(item, SetLine):
            self._line = item
            self._set_line(item)
        else:
            self._transmit(item)

    def _delay_s(self, octets: bytes) -> float:
        timed = self._pace.airtime and self._line is not None
        airtime_s = self._line.airtime_s(len(octets)) if timed and self._line else 0.0
        return airtime_s + self._pace.pause_s
