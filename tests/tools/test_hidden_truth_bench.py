"""Scores of several streets are put together as they are."""

from __future__ import annotations

import importlib

from scenarios.hidden_truth.score import all_of

bench = importlib.import_module("tools.bench.hidden_truth")


def test_totals_and_worst_cases() -> None:
    told = bench.compare(seeds=2, days=3, lost=0.1, noise=0.0)
    each = [all_of(seed, days=3, lost=0.1, noise=0.0) for seed in (1, 2)]
    assert told["streets"] == 2 and told["customers"] == 110
    assert told["phases_right"] == sum(score.phases.right for score in each)
    found = [score.losses.found_kwh / score.losses.stolen_kwh for score in each]
    assert told["theft_found_share_least"] == round(min(found), 3)
    assert told["unbalance_after_3_percent"] < told["unbalance_before_percent"]
