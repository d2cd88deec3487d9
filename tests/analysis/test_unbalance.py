"""Unbalance by hand-worked cases, by what must hold of any three phases, and next to plain Python.

(203, 210, 212) V and (462, 463, 455) V are worked by hand; their VUF follows from placing the three
magnitudes as a triangle (law of cosines), as done here once more in `triangle`.
"""

from __future__ import annotations

import cmath
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headend.analysis import unbalance

TURN = cmath.rect(1, 2 * math.pi / 3)
AMOUNTS = st.floats(0.1, 1e4)
THREE = st.tuples(AMOUNTS, AMOUNTS, AMOUNTS)
SIGNED = st.tuples(*[st.floats(-1e4, 1e4).filter(lambda x: abs(x) > 0.1)] * 3)
few = settings(max_examples=40)


def triangle(ab: float, bc: float, ca: float) -> list[complex]:
    """Phasors between phases of these magnitudes, which add up to nothing."""
    angle = math.acos((ab**2 + ca**2 - bc**2) / (2 * ab * ca))
    first, third = complex(ab), cmath.rect(ca, math.pi - angle)
    return [first, -first - third, third]


def in_a_loop(values: tuple[float, float, float]) -> tuple[float, float]:
    """Percent and magnitude, as one would write them down."""
    mean = sum(values) / 3
    worst = max(abs(each - mean) for each in values)
    return 100 * worst / (sum(map(abs, values)) / 3), worst


@pytest.mark.parametrize(
    ("volts", "lvur", "vuf"), [((203, 210, 212), 2.560, 2.606), ((462, 463, 455), 1.087, 1.091)]
)
def test_worked_by_hand(volts: tuple[int, int, int], lvur: float, vuf: float) -> None:
    assert unbalance.lvur(volts) == pytest.approx(lvur, abs=5e-4)
    assert unbalance.cigre(volts) == pytest.approx(vuf, abs=5e-4)
    assert unbalance.vuf(triangle(*volts)) == pytest.approx(vuf, abs=5e-4)


def test_signs_are_kept() -> None:
    percent, magnitude = unbalance.max_deviation([4.0, 4.0, -4.0])
    assert magnitude == pytest.approx(16 / 3) and percent == pytest.approx(400 / 3)
    assert unbalance.max_deviation([-4.0, -4.0, -4.0]).percent == 0


def test_definitions_differ_and_are_not_to_be_mixed() -> None:
    """To neutral with a zero sequence: the voltages between phases do not show it."""
    to_neutral = np.array([1.0, TURN**2, TURN]) * 230 + 12
    between = to_neutral - np.roll(to_neutral, -1)
    assert unbalance.u0(to_neutral) == pytest.approx(100 * 12 / 230)
    assert unbalance.vuf(to_neutral) == pytest.approx(0, abs=1e-9)
    assert unbalance.lvur(np.abs(between)) == pytest.approx(0, abs=1e-9)
    assert unbalance.pvur(np.abs(to_neutral)) > 5


def test_an_impossible_triangle_has_no_vuf() -> None:
    assert np.isnan(unbalance.cigre([[100, 100, 500], [0, 0, 0]])).all()


def test_a_neutral_carries_what_one_phase_draws() -> None:
    amperes = unbalance.current_phasors([2.3, 0, 0], [0, 0, 0], [230, 230, 230])
    assert unbalance.neutral_current(amperes) == pytest.approx(10)
    assert unbalance.cuf(amperes) == pytest.approx(100)
    alike = unbalance.current_phasors([2.3] * 3, [0.7] * 3, [230] * 3)
    assert unbalance.neutral_current(alike) == pytest.approx(0, abs=1e-9)
    assert np.abs(alike) == pytest.approx(math.hypot(2300, 700) / 230)


def test_phasors_of_magnitudes_and_angles() -> None:
    balanced = unbalance.phasors([230, 230, 230], [0, -120, 120])
    found = unbalance.sequences(balanced)
    assert found.positive == pytest.approx(230)
    assert abs(found.negative) == pytest.approx(0, abs=1e-9)
    assert unbalance.vuf(balanced) == pytest.approx(0, abs=1e-9)


@given(SIGNED)
@few
def test_as_in_a_loop(values: tuple[float, float, float]) -> None:
    percent, magnitude = unbalance.max_deviation(values)
    assert (percent, magnitude) == pytest.approx(in_a_loop(values), abs=1e-9)


@given(THREE, st.floats(1e-3, 1e3))
@few
def test_the_unit_does_not_matter_but_to_the_magnitude(
    values: tuple[float, float, float], factor: float
) -> None:
    before = unbalance.max_deviation(values)
    after = unbalance.max_deviation(np.array(values) * factor)
    assert after.percent == pytest.approx(before.percent, abs=1e-7)
    assert after.magnitude == pytest.approx(before.magnitude * factor, rel=1e-9, abs=1e-9)


@given(THREE)
@few
def test_which_phase_is_which_does_not_matter(values: tuple[float, float, float]) -> None:
    turned = np.array(list(itertools.permutations(values)))
    percent = unbalance.max_deviation(turned).percent
    assert percent == pytest.approx(percent[0], abs=1e-7)
    sides = 100 + turned / 1e3
    assert unbalance.cigre(sides) == pytest.approx(unbalance.cigre(sides)[0], abs=1e-5)


@given(st.floats(0.1, 1e4))
@few
def test_balance_is_zero(amount: float) -> None:
    alike = [amount] * 3
    assert unbalance.max_deviation(alike).percent == pytest.approx(0, abs=1e-9)
    assert unbalance.cigre(alike) == pytest.approx(0, abs=1e-4)
    assert unbalance.vuf(amount * np.array([1, TURN**2, TURN])) == pytest.approx(0, abs=1e-9)


@given(st.tuples(*[st.floats(90, 110)] * 3))
@few
def test_magnitudes_between_phases_tell_the_factor_of_phasors(
    volts: tuple[float, float, float],
) -> None:
    by_phasors = float(unbalance.vuf(triangle(*volts)))
    by_phasors = min(by_phasors, 1e4 / by_phasors if by_phasors else 0.0)  # either turn
    assert unbalance.cigre(volts) == pytest.approx(by_phasors, abs=1e-4)


@pytest.mark.parametrize("place", range(3))
def test_a_missing_phase_leaves_nothing_defined(place: int) -> None:
    values = np.array([[230.0, 231, 229], [230.0, 231, 229]])
    values[1, place] = np.nan
    for formula in (unbalance.pvur, unbalance.lvur, unbalance.cigre, unbalance.vuf, unbalance.u0):
        assert list(np.isnan(formula(values))) == [False, True], formula.__name__
    assert np.isnan(unbalance.max_deviation(values).magnitude[1])


def test_a_mean_near_nothing_is_not_defined() -> None:
    percent, magnitude = unbalance.max_deviation([[0.0, 0, 0], [0.02, 0.01, 0.0]], floor=0.1)
    assert np.isnan(percent).all() and list(magnitude) == pytest.approx([0, 0.01])
    assert np.isnan(unbalance.max_deviation([0.0, 0.0, 0.0]).percent)
