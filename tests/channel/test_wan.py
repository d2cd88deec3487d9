"""Delays between modem and head-end."""

from __future__ import annotations

import math
import statistics

import pytest

from devices.chance import stream
from devices.wan import Technology, one_way_ms, round_trip_ms


@pytest.mark.parametrize("technology, median_ms", [(Technology.LTE, 70), (Technology.GPRS, 600)])
def test_the_median_round_trip(technology: Technology, median_ms: int) -> None:
    """The median of n log-normal draws has the relative spread sigma * sqrt(pi / 2n)."""
    rng = stream(7, "wan", "C01")
    draws = [round_trip_ms(technology, rng) for _ in range(4000)]
    assert all(isinstance(draw, int) and draw >= 1 for draw in draws)
    slack = 4 * technology.value[1] * math.sqrt(math.pi / 2 / len(draws))
    assert statistics.median(draws) == pytest.approx(median_ms, rel=slack + 0.01)
    logs = [math.log(draw) for draw in draws]
    assert statistics.stdev(logs) == pytest.approx(technology.value[1], rel=4 / 8000**0.5 + 0.01)


def test_one_way_is_half_of_a_round_trip_rounded_up() -> None:
    there = [round_trip_ms(Technology.LTE, stream(7, "wan", index)) for index in range(50)]
    one_way = [one_way_ms(Technology.LTE, stream(7, "wan", index)) for index in range(50)]
    assert one_way == [(delay + 1) // 2 for delay in there]
    assert {delay % 2 for delay in there} == {0, 1}
