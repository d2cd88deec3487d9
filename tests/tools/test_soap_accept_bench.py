"""The benchmark counts only what was acknowledged, and finds all of it in the store."""

from __future__ import annotations

from tools.bench.soap_accept import WARM_UP, compare


def test_a_short_run_loses_nothing() -> None:
    run = compare(messages=20, connections=4, rounds=1)
    assert run.acknowledged == run.stored == WARM_UP + 20
    assert run.ratio > 0 and run.door_per_s > 0 and run.bare_p99_ms > 0
    assert run.as_dict()["stored"] == run.stored
