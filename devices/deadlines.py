"""Gives time to things that say when they want it.

A meter and a modem do no waiting: `next_deadline()` says when to call `advance(now)`.  `Deadlines`
does that on a SimPy environment, one event for each thing, armed again after every touch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import simpy


def later(env: simpy.Environment, delay_s: float, action: Callable[[], object]) -> None:
    """Do something after a while.  It cannot be called off: `action` looks whether it should."""

    def due(_: simpy.Event) -> None:
        action()

    env.timeout(delay_s).callbacks.append(due)


class Timed(Protocol):
    """Something that acts by itself at times of its own."""

    def next_deadline(self) -> float | None: ...

    def advance(self, now: float) -> Any: ...


class Deadlines:
    """One thing's deadlines.  Whoever changes the thing calls `touch` afterwards; `after` is given
    what each `advance` returned."""

    def __init__(
        self, env: simpy.Environment, thing: Timed, after: Callable[[Any], None] = lambda told: None
    ) -> None:
        self._env = env
        self._thing = thing
        self._after = after
        self._due: float | None = None
        self._round = 0
        self.touch()

    def touch(self) -> None:
        """The thing may have another deadline now."""
        due = self._thing.next_deadline()
        if due == self._due:
            return
        self._due = due
        self._round += 1
        if due is None:
            return
        this_round = self._round
        later(self._env, max(0.0, due - self._env.now), lambda: self._wake(this_round))

    def _wake(self, this_round: int) -> None:
        if this_round != self._round:
            return  # the deadline was moved meanwhile
        due, self._due = self._due, None
        assert due is not None
        # Adding floats may have brought the world a hair before the deadline; it is due.
        self._after(self._thing.advance(max(due, self._env.now)))
        self.touch()
