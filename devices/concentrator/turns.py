"""Whose turn it is: at a meter, and on the line.

A client has one association with a meter at a time; a second one, under the same keys, would end
the first.  And a person who waits for a supply does not wait for a profile: orders come before
everything that is collected.
"""

from __future__ import annotations

import simpy

URGENT, BULK = 0, 1
"""Of orders and of sessions that the head-end holds; of what the task table collects."""


class Turns:
    """The meters' turns.  Whoever speaks with a meter as our client requests its turn first."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._meters: dict[str, simpy.PriorityResource] = {}

    def of(self, meter: str) -> simpy.PriorityResource:
        """One meter's turn, requested with URGENT or BULK."""
        if (turn := self._meters.get(meter)) is None:
            turn = self._meters[meter] = simpy.PriorityResource(self._env, capacity=1)
        return turn

    def taken(self, meter: str) -> bool:
        """Whether somebody speaks with the meter."""
        turn = self._meters.get(meter)
        return turn is not None and bool(turn.users)

    def wanted(self, meter: str) -> bool:
        """Whether somebody urgent waits for the meter: whoever collects makes way."""
        turn = self._meters.get(meter)
        return turn is not None and any(each.priority == URGENT for each in turn.queue)
