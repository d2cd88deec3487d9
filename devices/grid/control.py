"""Controls that move after a solution, and the order in which they may.

`static`: of all that want to move, those with the shortest delay do, and the network is solved
again, until none wants to.  `timed`: each waits its delay in the time that the solutions stand
for, and moves one step at once.  Both are OpenDSS's control modes of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from devices.grid.circuit import Circuit
from devices.grid.power_flow import PowerFlow, Solution

ROUNDS_MAX = 15
"""Solutions in one control loop: OpenDSS's MaxControlIter."""


class Control(Protocol):
    """Something that moves taps or switches by what it sees."""

    @property
    def name(self) -> str: ...

    def looked(self, solution: Solution, now: float) -> float | None:
        """Seconds until it acts on what it sees; None where it is content."""

    def act(self, circuit: Circuit, now: float, *, one_step: bool) -> bool:
        """Do what it wants, or one step of it; whether anything moved."""

    def again(self) -> float | None:
        """Seconds until the next step of what it still wants; None where that was all."""


@dataclass(slots=True)
class Waiting:
    """Controls that wait in time, from one solution to the next."""

    due: dict[str, float] = field(default_factory=dict)


def controlled(
    flow: PowerFlow,
    controls: Sequence[Control],
    *,
    note: Callable[[str], None] = lambda text: None,
    rounds_max: int = ROUNDS_MAX,
    now: float = 0.0,
    waiting: Waiting | None = None,
) -> Solution:
    """Solve, let the controls move, and solve again, until none does.

    With `waiting` the controls are timed.  Raises NotConverged.
    """
    solution = flow.solve()
    for _ in range(rounds_max - 1):
        if waiting is None:
            moved = _nearest(flow.circuit, controls, solution, now)
        else:
            moved = _due(flow.circuit, controls, solution, now, waiting)
        if not moved:
            return solution
        solution = flow.solve()
    if any(each.looked(solution, now) is not None for each in controls) and waiting is None:
        note(f"controls still moved after {rounds_max} rounds; the solution is that of the last")
    return solution


def _nearest(circuit: Circuit, controls: Sequence[Control], solution: Solution, now: float) -> bool:
    wanted = [
        (delay, each) for each in controls if (delay := each.looked(solution, now)) is not None
    ]
    if not wanted:
        return False
    first = min(delay for delay, _ in wanted)
    moved = False
    for delay, each in wanted:
        if delay == first:
            moved |= each.act(circuit, now, one_step=False)
    return moved


def _due(
    circuit: Circuit,
    controls: Sequence[Control],
    solution: Solution,
    now: float,
    waiting: Waiting,
) -> bool:
    for each in controls:
        delay = each.looked(solution, now)
        if delay is None:
            waiting.due.pop(each.name, None)
        else:
            waiting.due.setdefault(each.name, now + delay)
    acted = False
    for each in controls:
        if waiting.due.get(each.name, now + 1) > now:
            continue
        del waiting.due[each.name]
        each.act(circuit, now, one_step=True)
        acted = True
        if (delay := each.again()) is not None:
            waiting.due[each.name] = now + delay
    return acted
