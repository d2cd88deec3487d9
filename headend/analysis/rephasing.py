"""Which customers to move to another phase: as few as possible, for as much as possible.

For each number of moves the best set is found by a mixed-integer program (HiGHS).  It makes the
largest deviation from the mean of the phases small, of the average and of each of the typical hours
together: a feeder that is balanced on average alone may be unbalanced in every hour.

What moves gain in balance is large and what they gain in losses is small; both are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headend.analysis.losses import Lines, line_losses_kw, on_phases
from headend.analysis.quantity import PHASES, Complex, Real
from headend.analysis.rephasing_program import best_moves
from headend.analysis.unbalance import max_deviation

MOVES_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Move:
    """A customer, by its place, from one phase to another (places in PHASES)."""

    customer: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A number of moves and what they come to: unbalance by max deviation, percent."""

    moves: tuple[Move, ...]
    percent: float  # of the averages: the dashboard's headline
    mean_of_hours: float
    losses_kw: float | None  # in the lines, on average; None where they are unknown
    proven: bool  # no other set of as many moves is better; else the best one found


def typical_hours(values: npt.ArrayLike, hour_of_day: npt.ArrayLike) -> Real:
    """Averages by the hour of the day (24 x ...), of values (intervals x ...); NaN is left out, and
    0 stands where an hour has none."""
    given, hours = np.asarray(values, dtype=np.float64), np.asarray(hour_of_day, dtype=np.int64)
    there = ~np.isnan(given)
    total = np.zeros((24, *given.shape[1:]))
    count = np.zeros(total.shape)
    np.add.at(total, hours, np.where(there, given, 0.0))
    np.add.at(count, hours, there)
    return total / np.maximum(count, 1)


def advise(
    kw: npt.ArrayLike,
    phase: npt.ArrayLike,
    *,
    fixed_kw: npt.ArrayLike | None = None,
    movable: npt.ArrayLike | None = None,
    moves_max: int = MOVES_MAX,
    lines: Lines | None = None,
    amperes: npt.ArrayLike | None = None,
) -> Sequence[Plan]:
    """Plans of 0, 1, ... moves, each better than the one before; the first is as things are.

    `kw` (hours x customers) are typical hours of single-phase customers on their phases (places in
    PHASES); `fixed_kw` (hours x 3) is what is there beside them: with a meter at the head, what it
    measured less them, which puts right what is wrong about those who stay.  `movable` (customers)
    are those that may be moved, all where none is said: whose phase is not sure had better stay.
    With `lines`, whose connections are the customers, and their `amperes` (intervals x customers,
    `losses.drawn_currents`) each plan tells its losses.  Raises ValueError for a customer on no
    known phase, and for lines without currents.
    """
    loads, of = np.asarray(kw, dtype=np.float64), np.asarray(phase, dtype=np.int64)
    rest = np.zeros((len(loads), 3)) if fixed_kw is None else np.asarray(fixed_kw, dtype=np.float64)
    if ((of < 0) | (of >= len(PHASES))).any():
        raise ValueError("each customer that can be moved hangs on one known phase")
    may = np.ones(len(of), dtype=bool) if movable is None else np.asarray(movable, dtype=bool)
    if (lines is None) != (amperes is None):
        raise ValueError("losses are told from lines and currents together")
    drawn = np.asarray([] if amperes is None else amperes, dtype=np.complex128)
    plans = [_plan((), loads, of, rest, lines, drawn, proven=True)]
    for count in range(1, moves_max + 1):
        chosen, proven = best_moves(loads, of, rest, may, count)
        moves = tuple(Move(customer, int(of[customer]), after) for customer, after in chosen)
        plan = _plan(moves, loads, of, rest, lines, drawn, proven=proven)
        if len(moves) <= len(plans[-1].moves):
            break
        plans.append(plan)
    return plans


def moved(phase: npt.ArrayLike, moves: Sequence[Move]) -> npt.NDArray[np.int64]:
    """The phases after these moves."""
    found = np.array(phase, dtype=np.int64)
    for move in moves:
        found[move.customer] = move.after
    return found


def phase_loads(kw: Real, phase: npt.NDArray[np.int64], fixed_kw: Real) -> Real:
    """What each phase carries (hours x 3)."""
    share = np.eye(len(PHASES))[phase]
    return np.asarray(fixed_kw + kw @ share)


def _plan(
    moves: tuple[Move, ...],
    loads: Real,
    phase: npt.NDArray[np.int64],
    rest: Real,
    lines: Lines | None,
    drawn: Complex,
    *,
    proven: bool,
) -> Plan:
    after = moved(phase, moves)
    carried = phase_loads(loads, after, rest)
    losses = None
    if lines is not None:
        losses = float(line_losses_kw(on_phases(drawn, after), after, lines).mean())
    return Plan(
        moves=moves,
        percent=float(max_deviation(carried.mean(axis=0)).percent),
        mean_of_hours=float(max_deviation(carried).percent.mean()),
        losses_kw=losses,
        proven=proven,
    )
