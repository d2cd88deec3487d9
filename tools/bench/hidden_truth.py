"""Scores of the analysis over several streets whose truth is known."""

from __future__ import annotations

import statistics
from typing import Any

from scenarios.hidden_truth.score import Scores, all_of


def compare(*, seeds: int, days: int, lost: float, noise: float) -> dict[str, Any]:
    """Totals over all streets, and medians and worst cases of what each promised and found."""
    found = [all_of(seed, days=days, lost=lost, noise=noise) for seed in range(1, seeds + 1)]
    phases = [each.phases for each in found]
    moves = [move for each in found for move in each.moves if move.moves]
    wrong = [abs(move.percent_promised - move.percent_true) for move in moves]
    losses = [abs(move.losses_change_promised - move.losses_change_true) for move in moves]
    return {
        "bench": "hidden-truth",
        "streets": len(found),
        "days": days,
        "lost": round(statistics.fmean(each.lost for each in found), 3),
        "noise": noise,
        "customers": sum(each.customers for each in phases),
        "phases_right": sum(each.right for each in phases),
        "phases_decided": sum(each.decided for each in phases),
        "phases_decided_right": sum(each.decided_right for each in phases),
        "phases_right_without_head": sum(each.right_without_head for each in phases),
        "records_right": sum(each.records_right for each in phases),
        "unbalance_before_percent": _median([each.moves[0].percent_true for each in found]),
        **{
            f"unbalance_after_{count}_percent": _after(found, count)
            for count in range(1, max(move.moves for move in moves) + 1)
        },
        "unbalance_promise_error_median": _median(wrong),
        "unbalance_promise_error_worst": round(max(wrong), 2),
        "losses_change_percent": _median([each.moves[-1].losses_change_true for each in found]),
        "losses_promise_error_median": _median(losses),
        "losses_promise_error_worst": round(max(losses), 2),
        "loading_error_percent": _median([each.loading.mean_error_percent for each in found]),
        "peak_error_percent": _median(
            [each.loading.peak_percent - each.loading.peak_true_percent for each in found]
        ),
        "neutral_error_share": _median(
            [each.loading.neutral_error_a / each.loading.neutral_true_mean_a for each in found], 3
        ),
        "technical_error_share": _median(
            [each.losses.technical_kwh / each.losses.technical_true_kwh - 1 for each in found], 3
        ),
        "unexplained_percent_worst": round(
            max(100 * abs(e.losses.unexplained_kwh) / e.losses.delivered_kwh for e in found), 3
        ),
        "theft_found_share_median": _median(
            [each.losses.found_kwh / each.losses.stolen_kwh for each in found], 3
        ),
        "theft_found_share_least": round(
            min(each.losses.found_kwh / each.losses.stolen_kwh for each in found), 3
        ),
    }


def _after(found: list[Scores], count: int) -> float:
    """With this many moves, or with as many as helped."""
    return _median([each.moves[min(count, len(each.moves) - 1)].percent_true for each in found])


def _median(values: list[float], digits: int = 2) -> float:
    return round(statistics.median(values), digits)
