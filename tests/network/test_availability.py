"""Counting keep-alives by the hour, and how a day is held against a real concentrator's."""

from __future__ import annotations

import pytest

from devices.network.availability import HOURS_KEPT, Availability
from tools import availability
from tools.availability import day_of, distance, quantile


def test_counts_by_hour() -> None:
    counts = Availability()
    counts.add(10.0, [1, 2])
    counts.add(3599.0, [1])
    counts.add(3600.0, [])
    assert counts.hours(0, 7200) == [0, 1] and counts.hours(0, 3600) == [0]
    assert (counts.of(1, 0), counts.of(2, 0), counts.of(3, 0)) == ((2, 2), (1, 2), (0, 2))
    assert counts.of(1, 1) == (0, 1) and counts.of(1, 2) == (0, 0)


def test_old_hours_are_forgotten() -> None:
    counts = Availability()
    for hour in range(HOURS_KEPT + 5):
        counts.add(hour * 3600.0, [1])
    assert counts.hours(0, 1e9) == [*range(5, HOURS_KEPT + 5)]


@pytest.mark.parametrize("share, value", [(0.05, 1), (0.1, 1), (0.5, 5), (0.9, 9), (1.0, 10)])
def test_quantiles(share: float, value: int) -> None:
    assert quantile(range(1, 11), share) == value


def test_distance() -> None:
    assert distance([1, 2, 3, 4], [(2, 0.5), (4, 1.0)]) == 0.0
    assert distance([1, 2, 3, 4], [(2, 0.9), (4, 1.0)]) == pytest.approx(0.4)


def test_a_small_day() -> None:
    """Four hundred metres of street: most meters by repeaters, all but a few registered; the same
    again under the same seed."""
    day = day_of(1, spacing_m=40, meters=40, outages=False)
    assert day.depth >= 2 and day.repeaters > 0.1 and day.registered > 0.9
    assert day == day_of(1, spacing_m=40, meters=40, outages=False)
    assert day != day_of(2, spacing_m=40, meters=40, outages=False)


@pytest.mark.prove
def test_the_table_of_the_models() -> None:
    """What docs/models.md says of seeds 1 to 5."""
    days = [day_of(seed) for seed in range(1, 6)]
    means = [sum(day.by_hour) / len(day.by_hour) for day in days]
    assert (min(means), max(means)) == pytest.approx((0.913, 0.931), abs=0.001)
    gaps = [distance(day.by_meter, availability.REAL_AVAILABILITY) for day in days]
    assert (min(gaps), max(gaps)) == pytest.approx((0.48, 0.50), abs=0.01)
    assert min(gaps) > availability.CRITICAL  # the model is rejected, and the page says so
