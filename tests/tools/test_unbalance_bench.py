"""The benchmark of unbalance compares like with like: DuckDB tells every figure that ours does."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

bench = importlib.import_module("tools.bench.unbalance")  # the package has a command so named


def test_both_tell_the_same_numbers() -> None:
    told = bench.compare(feeders=3, rounds=1).as_dict()
    assert told["rows"] == pytest.approx(3 * 672, rel=0.05) and told["rows"] < 3 * 672
    assert told["windows"] == 30
    assert told["figures"] == 3 * 30 * len(
        bench.SHOWN
    )  # so much was missing, and nothing undefined
    assert told["largest_difference"] < bench.TOLERANCE
    assert told["ratio"] == pytest.approx(told["duckdb_s"] / told["ours_s"], rel=0.2)


def test_what_differs_is_not_measured() -> None:
    told = bench.ours(bench.rows_of(1, seed=1), 1)
    other = told.copy()
    other[0, 3, 12] += 1
    with pytest.raises(RuntimeError, match="percent0 differs by 1"):
        bench.differing(told, other)
    other[0, 3, 12] = np.nan
    with pytest.raises(RuntimeError, match=r"only one of both tells percent0 of \[0, 3\]"):
        bench.differing(told, other)
