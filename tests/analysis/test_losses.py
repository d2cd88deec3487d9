"""Losses in lines by hand, and the energy balance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headend.analysis.losses import (
    Balance,
    Lines,
    balance,
    connection_currents,
    line_losses_kw,
    transformer_losses_kw,
)

NAN = float("nan")


def street(*, neutral: float = 0.2) -> Lines:
    """Two sections of 0.2 ohm: the first carries both customers, the second the one behind."""
    behind = np.array([[True, True], [False, True]])
    return Lines(behind, np.full(2, 0.2), np.full(2, neutral))


def test_one_phase_heats_its_conductor_and_the_neutral() -> None:
    """10 A and 20 A on A: 30 A in the first section, 20 A in the second, twice 0.2 ohm each."""
    found = line_losses_kw([[10.0, 20.0]], [0, 0], street())
    assert found[0] == pytest.approx((30**2 + 20**2) * 0.4 / 1000)
    without = line_losses_kw([[10.0, 20.0]], [0, 0], street(neutral=0.0))
    assert without[0] == pytest.approx((30**2 + 20**2) * 0.2 / 1000)


def test_two_phases_meet_in_the_neutral() -> None:
    currents = connection_currents([[2.3, 2.3]], [[0.0, 0.0]], [[230.0, 230.0]], [0, 1])
    assert np.abs(currents) == pytest.approx(10)
    found = line_losses_kw(currents, [0, 1], street())
    phases = 10**2 * 0.2 + 2 * 10**2 * 0.2  # each alone in its conductor
    neutral = 10**2 * 0.2 + 10**2 * 0.2  # a third of a turn apart, 10 A and 10 A make 10 A
    assert found[0] == pytest.approx((phases + neutral) / 1000)


def test_a_voltage_that_is_missing_is_its_neighbours() -> None:
    volts = [[230.0, 220.0, 110.0], [NAN, 200.0, 110.0], [NAN, NAN, 110.0]]
    found = np.abs(connection_currents(np.full((3, 3), 2.2), np.zeros((3, 3)), volts, [0, 0, 1]))
    assert found[:, 0] == pytest.approx([2200 / 230, 2200 / 200, 2200 / 230])
    assert found[2, 1] == pytest.approx(2200 / 210)  # its own mean
    alone = connection_currents([[1.0]], [[0.0]], [[NAN]], [0])
    assert np.isnan(alone).all()


def test_what_the_lines_do_not_explain_is_left() -> None:
    found = Balance(delivered_kwh=1000, sold_kwh=940, technical_kwh=35, coverage=0.9)
    assert (found.lost_kwh, found.rest_kwh, found.rest_percent) == (60, 25, 2.5)
    assert math.isnan(Balance(0, 0, 0, 1).rest_percent)
    told = balance([NAN, 10, 10], [[1.0, NAN], [4.0, 4.0], [NAN, 4.0]], [9.0, 0.5, 0.5])
    assert told == Balance(20, 4 + 4 + 2.5 + 4, 1.0, 0.75)  # of the first interval nothing is said
    assert balance([NAN], [[1.0]], [1.0]) == Balance(0, 0, 0, 0)
    own = transformer_losses_kw([0.0, 50.0, 100.0], no_load_w=300, copper_w=2000)
    assert own == pytest.approx([0.3, 0.8, 2.3])


def test_sections_without_a_resistance_are_refused() -> None:
    with pytest.raises(ValueError, match="2 sections have a resistance of each conductor"):
        Lines(np.ones((2, 3), dtype=bool), np.ones(1), np.ones(2))
