"""The mixed-integer program of rephasing, and HiGHS to solve it.

    minimise    D + mean of d_h
    so that     |S_hk - mean_h| <= d_h   for each typical hour h and phase k
                |S_k - mean|    <= D     for the averages
                S = what is fixed + what each customer draws on the phase that it is given
                a customer is moved once at most, and `moves` in all

The mean over the phases does not change with a move.  Variables are one for each customer and each
of the two phases where it does not hang.  HiGHS runs on one thread, bounded by nodes and not by
time: the same question has the same answer on any machine.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import PHASES, Flags, Real

NODES_MAX: Final = 2_000
GAP: Final = 1e-3
"""A plan is as good as proven when no other can be better by more than this share."""


def best_moves(
    kw: Real, phase: npt.NDArray[np.int64], fixed_kw: Real, movable: Flags, moves: int
) -> tuple[list[tuple[int, int]], bool]:
    """Customers and the phases they go to, `moves` at most; and whether that is proven to be best.

    Of those that are movable, only loads that differ from nothing are moved.
    """
    import highspy  # 3 MB that only this needs

    hours, customers = kw.shape
    places = [
        (customer, after)
        for customer in range(customers)
        for after in range(len(PHASES))
        if after != phase[customer] and movable[customer] and kw[:, customer].any()
    ]
    rows, least = _deviations(kw, phase, fixed_kw, places)
    deviations = hours + 1
    columns = len(places) + deviations
    counting = np.zeros((1 + customers, columns))
    counting[0, : len(places)] = 1
    for at, (customer, _) in enumerate(places):
        counting[1 + customer, at] = 1
    matrix = np.vstack([rows, counting])
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = columns, len(matrix)
    lp.col_cost_ = np.concatenate([np.zeros(len(places)), np.full(hours, 1 / hours), [1.0]])
    lp.col_lower_ = np.zeros(columns)
    lp.col_upper_ = np.concatenate([np.ones(len(places)), np.full(deviations, np.inf)])
    lp.row_lower_ = np.concatenate([least, np.full(1 + customers, -np.inf)])
    lp.row_upper_ = np.concatenate([np.full(len(least), np.inf), [moves], np.ones(customers)])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    at_row, at_column = np.nonzero(matrix)
    lp.a_matrix_.start_ = np.searchsorted(at_row, np.arange(len(matrix) + 1))
    lp.a_matrix_.index_ = at_column
    lp.a_matrix_.value_ = matrix[at_row, at_column]
    integer, real = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    lp.integrality_ = [integer] * len(places) + [real] * deviations
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("parallel", "off"),
        ("random_seed", 0),
        ("mip_rel_gap", GAP),
        ("mip_max_nodes", NODES_MAX),
    ):
        solver.setOptionValue(option, value)
    solver.passModel(lp)
    solver.run()
    found = np.asarray(solver.getSolution().col_value)
    proven = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    if len(found) != columns:
        return [], False
    return [place for at, place in enumerate(places) if found[at] > 0.5], proven


def _deviations(
    kw: Real, phase: npt.NDArray[np.int64], fixed_kw: Real, places: list[tuple[int, int]]
) -> tuple[Real, Real]:
    """Rows of `d - change >= S - mean` and `d + change >= mean - S`, for hours and the average."""
    carried = fixed_kw + kw @ np.eye(len(PHASES))[phase]
    excess = np.vstack([carried, carried.mean(axis=0)])
    excess = excess - excess.mean(axis=1, keepdims=True)
    drawn = np.vstack([kw, kw.mean(axis=0)])
    change = np.zeros((len(drawn), len(PHASES), len(places)))
    for at, (customer, after) in enumerate(places):
        change[:, after, at] += drawn[:, customer]
        change[:, phase[customer], at] -= drawn[:, customer]
    each = np.repeat(np.eye(len(drawn))[:, None, :], len(PHASES), axis=1)
    above = np.concatenate([-change, each], axis=2).reshape(-1, len(places) + len(drawn))
    below = np.concatenate([change, each], axis=2).reshape(-1, len(places) + len(drawn))
    return np.vstack([above, below]), np.concatenate([excess.ravel(), -excess.ravel()])
