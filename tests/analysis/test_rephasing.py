"""Moves: next to trying all of them, and what is told of each number."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from headend.analysis import rephasing
from headend.analysis.losses import Lines
from headend.analysis.quantity import Real
from headend.analysis.rephasing import advise, moved, phase_loads, typical_hours
from headend.analysis.unbalance import max_deviation

NAN = float("nan")


def objective(loads: Real, phase: np.ndarray, rest: Real) -> float:
    carried = phase_loads(loads, phase, rest)
    hours = max_deviation(carried).magnitude.mean()
    return float(hours + max_deviation(carried.mean(axis=0)).magnitude)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_other_two_moves_are_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    loads = rng.uniform(0.2, 3, (4, 7))
    phase, rest = rng.integers(0, 3, 7), rng.uniform(0, 4, (4, 3))
    best = objective(loads, phase, rest)
    ways = list(itertools.product(range(7), range(3)))
    for pair in itertools.combinations(ways, 2):
        tried = phase.copy()
        for customer, after in pair:
            tried[customer] = after
        best = min(best, objective(loads, tried, rest))
    plans = advise(loads, phase, fixed_kw=rest, moves_max=2)
    after = moved(phase, plans[-1].moves)
    assert objective(loads, after, rest) == pytest.approx(best, rel=2e-3)
    assert all(plan.proven for plan in plans)


def test_one_move_of_the_customer_that_is_on_the_wrong_phase() -> None:
    loads, phase = np.full((24, 6), 1.0), [0, 0, 0, 1, 1, 2]
    plans = advise(loads, phase)
    assert [len(plan.moves) for plan in plans] == [0, 1]  # more do not help, and are not told
    assert plans[0].percent == pytest.approx(50) and plans[1].percent == pytest.approx(0)
    (move,) = plans[1].moves
    assert (move.before, move.after) == (0, 2)
    assert plans[1].losses_kw is None
    again = advise(loads, phase)
    assert again == plans  # the same question has the same answer


def test_who_may_not_be_moved_stays() -> None:
    loads = np.full((24, 6), 1.0)
    movable = [False, True, False, False, False, False]
    (_, plan) = advise(loads, [0, 0, 0, 1, 1, 2], movable=movable)
    assert [move.customer for move in plan.moves] == [1]
    assert len(advise(loads, [0, 0, 0, 1, 1, 2], movable=[False] * 6)) == 1
    assert len(advise(np.zeros((24, 6)), [0, 0, 0, 1, 1, 2])) == 1
    with pytest.raises(ValueError, match="hangs on one known phase"):
        advise(loads, [0, 0, 0, 1, 1, 3])


def test_losses_fall_less_than_the_unbalance() -> None:
    """Balance ends what the neutral carries, not what the phases do."""
    loads, phase = np.full((24, 6), 2.3), [0, 0, 0, 1, 1, 2]
    one = Lines(np.ones((1, 6), dtype=bool), np.array([0.1]), np.array([0.1]))
    plans = advise(loads, phase, lines=one, amperes=np.full((2, 6), 10.0))
    before, after = (plan.losses_kw for plan in plans)
    # Phases 30, 20, 10 A, then 20 each; the neutral 17.3 A, then nothing.
    assert before == pytest.approx((900 + 400 + 100 + 300) * 0.1 / 1000)
    assert after == pytest.approx(1200 * 0.1 / 1000)
    with pytest.raises(ValueError, match="lines and currents together"):
        advise(loads, phase, lines=one)


def test_typical_hours_are_averages_by_the_hour_of_the_day() -> None:
    found = typical_hours([[1.0], [3.0], [NAN], [5.0]], [0, 0, 0, 23])
    assert found.shape == (24, 1) and found[[0, 23, 5], 0].tolist() == [2, 5, 0]
    assert rephasing.MOVES_MAX == 4
