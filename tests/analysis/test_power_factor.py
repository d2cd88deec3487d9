"""Power factor of averages, and the capacitors to reach 0.96: tan(acos 0.96) is 0.291667."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headend.analysis.power_factor import capacitors_kvar, power_factor
from headend.analysis.quantity import Quantity, converted


def test_worked_by_hand() -> None:
    """80 kW and 60 kvar: 100 kVA, 0.8; 60 - 80 * 0.291667 = 36.667 kvar."""
    assert power_factor(80, 60) == pytest.approx(0.8)
    assert capacitors_kvar(80, 60) == pytest.approx(36.6667, abs=1e-4)


@pytest.mark.parametrize(
    ("kw", "kvar", "needs"),
    [(96, 28, 0), (80, -60, 0), (80, 0, 0), (0, 10, 10), (0, 0, 0), (-80, 60, 36.6667)],
)
def test_edges(kw: float, kvar: float, needs: float) -> None:
    assert capacitors_kvar(kw, kvar) == pytest.approx(needs, abs=1e-4)


def test_of_nothing_there_is_none() -> None:
    assert np.isnan(power_factor(0, 0)) and np.isnan(power_factor(np.nan, 1))
    assert np.isnan(capacitors_kvar(np.nan, 1))
    assert power_factor(-80, 60) == pytest.approx(-0.8)
    with pytest.raises(ValueError, match=r"a power factor of 1\.2"):
        capacitors_kvar(1, 1, target=1.2)


@given(st.floats(0.1, 1e4), st.floats(-1e4, 1e4), st.floats(0.8, 1.0))
@settings(max_examples=40)
def test_with_the_capacitors_the_target_is_reached(kw: float, kvar: float, target: float) -> None:
    needed = float(capacitors_kvar(kw, kvar, target=target))
    before = float(power_factor(kw, kvar))
    after = float(power_factor(kw, kvar - needed))
    if kvar <= 0 or before >= target:
        assert needed == pytest.approx(0, abs=1e-6 * (1 + kw))
    else:
        assert after == pytest.approx(target, abs=1e-9)
        by_formula = kw * (math.tan(math.acos(before)) - math.tan(math.acos(target)))
        assert needed == pytest.approx(by_formula, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("quantity", "unit", "factor"),
    [
        (Quantity.VOLTAGE, "kV", 1000),
        (Quantity.VOLTAGE, "V", 1),
        (Quantity.VOLTAGE, "mV", 0.001),
        (Quantity.ACTIVE_POWER, "W", 0.001),
        (Quantity.ACTIVE_POWER, "MW", 1000),
        (Quantity.REACTIVE_POWER, "kVAr", 1),
        (Quantity.REACTIVE_POWER, "VAr", 0.001),
        (Quantity.CURRENT, "A", 1),
    ],
)
def test_units_are_converted_in_one_place(quantity: Quantity, unit: str, factor: float) -> None:
    assert converted([2.0], quantity, unit) == pytest.approx(2 * factor)


@pytest.mark.parametrize("unit", ["A", "kW", "", "kVA", "volt"])
def test_another_quantity_s_unit_is_refused(unit: str) -> None:
    with pytest.raises(ValueError, match="voltage is measured in V, not in"):
        converted([2.0], Quantity.VOLTAGE, unit)
