"""Hours, days and windows: exact in any order, and next to a plain loop over the same values."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headend.analysis.figures import figures, percentile
from headend.analysis.hourly import Hours, hourly
from headend.analysis.quantity import Real
from headend.analysis.rollup import COLUMNS, Rollup, rolled
from headend.config.analysis import AnalysisPolicy

NAN = float("nan")
POLICY = AnalysisPolicy()


def measured(rng: np.random.Generator, *lead: int) -> Real:
    """Ten-minute values (..., 4, 3) of a feeder, all there."""
    means = np.array([40.0, 9.0, 3.0, 230.0])[:, None] * np.array([1.1, 1.0, 0.8])
    return np.asarray(means * rng.uniform(0.7, 1.3, (*lead, 4, 3)))


def hours_of(values: Real, period_s: int = 600) -> Hours:
    ends = (1 + np.arange(len(values))) * period_s
    return hourly(ends, values, np.arange(3600, ends[-1] + 1, 3600), period_s)


def test_an_hour_is_what_ended_in_it() -> None:
    values = np.arange(1.0, 15.0)
    found = hourly(600 * np.arange(1, 15), values, [3600, 7200], 600)
    assert list(found.means) == [3.5, 9.5]  # 1 to 6, 7 to 12; 13 and 14 are of the third
    assert list(found.received) == [6, 6] and list(found.expected) == [6, 6]


def test_order_repeats_and_holes() -> None:
    ends, values = [7200, 600, 3600, 600, 1200], [9.0, NAN, 4.0, 2.0, NAN]
    found = hourly(ends, values, [3600, 7200, 10_800], 600)
    assert list(found.means[:2]) == [3.0, 9.0] and math.isnan(found.means[2])
    assert list(found.received) == [2, 1, 0]
    again = hourly([600, 600], [5.0, 6.0], [3600], 600)  # the first that came counts
    assert list(again.means) == [5.0]
    assert list(hourly([], np.empty((0, 4, 3)), [3600], 900).expected) == [4]
    with pytest.raises(ValueError, match="a whole number of periods of 700 s"):
        hourly([700], [1.0], [3600], 700)


def test_average_first_is_the_headline_and_hours_by_themselves_stand_beside_it() -> None:
    """Loads that take turns: each hour is wholly unbalanced, the day is not."""
    turns = np.full((3, 4, 3), 1.0)
    turns[:, 0] = [[9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]]
    found, percents = rolled(Hours(turns, np.full(turns.shape, 6), np.full(3, 6)))
    told = figures(found.over(0))
    assert told.percent[0] == 0
    assert told.mean_of_hours[0] == pytest.approx(200)
    assert percentile(percents)[0] == pytest.approx(200)


def test_an_hour_with_a_phase_missing_does_not_count() -> None:
    values = measured(np.random.default_rng(1), 12)
    values[6:, 0, 1] = NAN  # phase B's current in the second hour
    values[0, 1] = NAN  # one of six powers in the first: 83 % are there
    values[6:8, 1] = NAN  # two of six: 67 %
    hours = hours_of(values)
    assert hours.received[:, 0, 1].tolist() == [6, 0]
    found, percents = rolled(hours)
    assert found.hours.tolist() == [[1, 1, 1, 1], [0, 0, 1, 1]]
    assert np.isnan(percents[1, :2]).all() and not np.isnan(percents[0]).any()
    told = figures(found.over(0))
    assert told.averages[0] == pytest.approx(values[:6, 0].mean(axis=0), abs=1e-6)
    assert told.coverage[0] == pytest.approx(30 / 36)
    assert told.coverage[1] == pytest.approx((36 - 3 - 6) / 36)
    assert told.hours.tolist() == [0.5, 0.5, 1, 1]
    assert told.enough.tolist() == [False, False, True, True]
    assert [int(each) for each in told.colours[:2]] == [3, 3]
    both = values[:6, 1:3].copy()
    kw, kvar = np.nanmean(both, axis=0).sum(axis=-1)
    assert told.power_factor == pytest.approx(kw / math.hypot(kw, kvar), abs=1e-6)


def test_of_nothing_nothing_is_told() -> None:
    told = figures(rolled(hours_of(np.full((6, 4, 3), NAN)))[0].over(0))
    assert np.isnan(told.percent).all() and np.isnan(told.averages).all()
    assert told.coverage.tolist() == [0, 0, 0, 0] and not told.enough.any()
    assert math.isnan(float(told.power_factor)) and set(told.colours.tolist()) == {3}
    assert np.isnan(percentile(np.full((5, 4), NAN))).all()


def test_below_the_floor_a_percentage_is_not_defined_and_the_rest_is_told() -> None:
    values = np.ones((6, 4, 3)) * [0.02, 0.01, 0.03]
    found, percents = rolled(hours_of(values), floors=[0.5, 0.1, 0.1, 10])
    told = figures(found.over(0))
    assert np.isnan(percents).all() and np.isnan(told.percent).all()
    assert np.isnan(told.mean_of_hours).all()
    assert told.magnitude == pytest.approx(0.01) and told.enough.all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_in_any_order_and_one_by_one_the_sums_are_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = measured(rng, 144)
    values[rng.random(values.shape) < 0.05] = NAN
    hours, _ = rolled(hours_of(values))
    order = list(range(24))
    random.Random(seed).shuffle(order)
    added = hours[order[0]]
    for place in order[1:]:
        added = added + hours[place]
    whole = hours.over(0)
    assert (added.flat() == whole.flat()).all()
    # An hour that comes again with other values: taken away, and the new one added.
    other = rolled(hours_of(measured(rng, 6)))[0][0]
    changed = whole - hours[7] + other
    anew = other
    for place in (each for each in order if each != 7):
        anew = anew + hours[place]
    assert (changed.flat() == anew.flat()).all()
    assert (hours.by([0, 12], 0).over(0).flat() == whole.flat()).all()


def test_rows_of_integers_come_back_as_they_went() -> None:
    found, _ = rolled(hours_of(measured(np.random.default_rng(2), 24)))
    rows = found.flat()
    assert rows.shape == (4, len(COLUMNS)) and len(set(COLUMNS)) == len(COLUMNS)
    assert (Rollup.of_flat(rows).flat() == rows).all()
    assert rows[0, COLUMNS.index("sum_voltage_b")] == round(found.sums[0, 3, 1])
    assert rows[0, COLUMNS.index("span_hours")] == 1
    with pytest.raises(ValueError, match="3 columns, not"):
        Rollup.of_flat([1, 2, 3])


def test_as_in_a_loop() -> None:
    """Every figure of a window of three days, once more without arrays."""
    rng = np.random.default_rng(3)
    values = measured(rng, 3 * 144)
    values[rng.random(values.shape) < 0.06] = NAN
    found, percents = rolled(hours_of(values), floors=[0.5, 0.1, 0.1, 10])
    told, p95 = figures(found.over(0)), percentile(percents)
    counted: dict[int, list[list[float]]] = {each: [] for each in range(4)}
    both: list[tuple[float, float]] = []
    for hour in range(72):
        means: list[list[float] | None] = []
        for quantity in range(4):
            row = []
            for phase in range(3):
                there = [
                    v for v in values[6 * hour : 6 * hour + 6, quantity, phase] if not math.isnan(v)
                ]
                row.append(sum(there) / len(there) if len(there) >= 0.8 * 6 else NAN)
            means.append(None if any(map(math.isnan, row)) else row)
        for quantity, each in enumerate(means):
            if each is not None:
                counted[quantity].append(each)
        if means[1] is not None and means[2] is not None:
            both.append((sum(means[1]), sum(means[2])))
    for quantity, rows in counted.items():
        average = [sum(row[phase] for row in rows) / len(rows) for phase in range(3)]
        assert told.averages[quantity] == pytest.approx(average, abs=1e-6)
        mean = sum(average) / 3
        worst = max(abs(each - mean) for each in average)
        assert told.magnitude[quantity] == pytest.approx(worst, abs=1e-5)
        assert told.percent[quantity] == pytest.approx(100 * worst / mean, abs=1e-4)
        by_hour = sorted(
            100 * max(abs(each - sum(row) / 3) for each in row) / (sum(row) / 3) for row in rows
        )
        assert told.mean_of_hours[quantity] == pytest.approx(sum(by_hour) / len(rows), abs=1e-4)
        place = 0.95 * (len(rows) - 1)
        low, part = int(place), place % 1
        between = by_hour[low] + part * (by_hour[min(low + 1, len(rows) - 1)] - by_hour[low])
        assert p95[quantity] == pytest.approx(between, abs=1e-4)
        assert told.hours[quantity] == len(rows) / 72
    kw, kvar = (sum(each[at] for each in both) / len(both) for at in (0, 1))
    assert told.power_factor == pytest.approx(kw / math.hypot(kw, kvar), abs=1e-6)
    assert told.capacitors_kvar == pytest.approx(max(0, kvar - kw * 0.2916667), abs=1e-4)
