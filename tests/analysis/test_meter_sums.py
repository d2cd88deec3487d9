"""Transformers out of their meters: registers with holes, sums by phase, loading."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headend.analysis import meter_rows, meter_sums, registers
from headend.analysis.hourly import hourly
from headend.analysis.loading import loading
from headend.analysis.meter_rows import Profiles
from headend.analysis.quantity import QUANTITIES, Quantity

NAN = float("nan")


def test_what_flowed_in_a_gap_is_spread_over_it() -> None:
    found = registers.energies([[10.0, 5], [11.0, NAN], [NAN, 7], [NAN, 8], [17.0, NAN]])
    assert found.values[:, 0].tolist() == [1, 2, 2, 2]
    assert found.measured[:, 0].tolist() == [True, False, False, False]
    assert found.values[:3, 1].tolist() == [1, 1, 1] and math.isnan(found.values[3, 1])
    assert found.coverage.tolist() == [0.25, 0.25]
    filled = registers.whole(found.values)
    assert filled[:, 1].tolist() == [1, 1, 1, 1]  # after the last reading: its own average
    never = registers.energies([[NAN], [3.0], [NAN]])
    assert np.isnan(never.values).all() and not registers.whole(never.values).any()


def test_sums_by_phase_with_what_is_missing_made_up() -> None:
    kw = np.array([[1.0, 2, 3, 6], [1.0, 2, NAN, 6], [NAN, 2, 3, NAN]])
    found = meter_sums.phase_sums(kw, [0, 1, 1, meter_sums.ALL_PHASES], minimum_coverage=0.5)
    assert found.values[0].tolist() == [3, 7, 2]
    # Of B's usual 7 kW the missing meter has 3: 4 kW of 4/7 of them are 7 kW.
    assert found.coverage[1].tolist() == pytest.approx([1, 4 / 7, 1])
    assert found.values[1].tolist() == pytest.approx([3, 7, 2])
    assert found.coverage[2].tolist() == pytest.approx([0, 5 / 7, 0])
    assert np.isnan(found.values[2]).tolist() == [True, False, True]
    strict = meter_sums.phase_sums(kw, [0, 1, 1, meter_sums.ALL_PHASES])
    assert np.isnan(strict.values[1]).tolist() == [False, True, False]


def test_an_unknown_phase_is_left_out_and_an_empty_one_is_nothing() -> None:
    found = meter_sums.phase_sums([[4.0, 5.0]], [0, -1])
    assert found.values.tolist() == [[4, 0, 0]] and found.coverage.tolist() == [[1, 1, 1]]


def test_voltages_and_currents_of_phases() -> None:
    volts = meter_sums.phase_voltages([[230.0, 220, NAN], [NAN, 220, NAN]], [0, 0, 1])
    assert volts[:, 0].tolist() == [225, 220] and np.isnan(volts[:, 1:]).all()
    four = meter_sums.four_quantities([[3.0, 0, 1]], [[4.0, 0, 0]], [[250.0, 230, NAN]])
    assert four.shape == (1, 4, 3)
    assert four[0, QUANTITIES.index(Quantity.CURRENT), :2].tolist() == [20, 0]
    assert math.isnan(four[0, 0, 2])
    averages = hourly([900], four, [3600], 900)  # what windows are made of
    assert averages.received[0, 0].tolist() == [1, 1, 0]


def test_rows_of_meters_become_registers_and_voltages() -> None:
    rows = [
        ("1", 0, 0, 1000, 0, 500, 0, 2300, None, None, 980),
        ("1", 900, 0, 1250, 0, None, 0, 2310, None, None, 980),
        ("1", 1800, 0, 1500, 100, 560, 0, 2320, None, None, 980),
        ("3", 1800, 0, 0, 0, 0, 0, 2200, 2210, 2220, 980),
        ("3", 7, 0, 0, 0, 0, 0, 2200, 2210, 2220, 980),  # between two bounds
        ("9", 900, 0, 1, 0, 0, 0, 2300, None, None, 980),  # nobody asked for it
    ]
    found = meter_rows.profiles(rows, ["1", "3"], [0, 900, 1800])
    assert found.kwh[:, 0].tolist() == [1, 1.25, 1.4] and np.isnan(found.kwh[:2, 1]).all()
    assert math.isnan(found.kvarh[1, 0]) and found.kvarh[2, 0] == 0.56
    assert found.volts[:, 0, 0].tolist() == [231, 232]
    assert found.volts[1, 1].tolist() == [220, 221, 222]


def test_a_place_by_meters_of_one_phase_and_of_three() -> None:
    """Quarter hours: 0.25 kWh are 1 kW.  The meter on three phases has 3 kW, one on each."""
    kwh = np.array([[0, 0], [0.25, 0.75], [np.nan, 1.5], [0.75, 2.25]])
    volts = np.full((3, 2, 3), np.nan)
    volts[:, 0, 0], volts[:, 1] = 230, [240, 220, 210]
    found = meter_rows.summed(
        Profiles(kwh, np.zeros((4, 2)), volts),
        [0, meter_sums.ALL_PHASES],
        period_s=900,
    )
    assert found.values[:, 1].tolist() == [[2, 1, 1]] * 3  # the gap is spread
    assert found.coverage[:, 0].tolist() == pytest.approx([1, 0.5, 0.5])
    assert found.values[0, 3].tolist() == [235, 220, 210]
    kwh[3, 0] = np.nan  # no reading follows: what flowed is not known
    ended = meter_rows.summed(
        Profiles(kwh, np.zeros((4, 2)), volts), [0, meter_sums.ALL_PHASES], period_s=900
    )
    assert np.isnan(ended.values[:, 1, 0]).tolist() == [False, True, True]
    assert ended.values[1, 1, 1:].tolist() == [1, 1]


def test_loading_of_a_transformer() -> None:
    """20, 10 and 0 kW at 200 V: 100, 50 and 0 A, whose sum is 100 - 25 - 43.3j = 86.6 A."""
    found = loading([[20.0, 10, 0]] * 2, [[0.0, 0, 0]] * 2, [[200.0] * 3, [200.0, 200, NAN]], 100)
    assert found.kva[0] == 30 and found.percent[0] == 30
    assert found.worst_phase_percent[0] == 60
    assert found.neutral_a[0] == pytest.approx(86.6025, abs=1e-3)
    assert math.isnan(found.neutral_a[1])
    assert found.peak_percent() == 30 and found.over(29) == 2 and found.over() == 0
    assert found.peak_kva == 30 and found.peak_neutral_a == pytest.approx(86.6025, abs=1e-3)
    unrated = loading([[20.0, 10, 0]], [[0.0, 0, 0]], [[200.0] * 3])
    assert unrated.peak_kva == 30 and math.isnan(unrated.peak_percent())
    missing = loading([[NAN, 1, 1]], [[0.0, 0, 0]], [[230.0] * 3], 100)
    assert missing.coverage == 0 and math.isnan(missing.peak_percent()) and missing.over() == 0
    assert math.isnan(missing.peak_kva) and math.isnan(missing.peak_neutral_a)
    with pytest.raises(ValueError, match="a transformer of 0 kVA"):
        loading([[1.0, 1, 1]], [[0.0, 0, 0]], [[230.0] * 3], 0)
