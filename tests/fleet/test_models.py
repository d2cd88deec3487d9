"""The parts of a fleet's field: loads by adding up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.meter.load import Energy, PhaseLoad, power_integral
from devices.meter.stepped_load import SteppedLoad

WATTS = st.integers(-20_000, 20_000)


@given(
    st.lists(st.tuples(WATTS, WATTS, st.integers(2000, 2600)), min_size=1, max_size=5),
    st.integers(0, 6 * 900_000),
)
def test_a_stepped_loads_energy_is_the_sum_of_its_quarter_hours(
    steps: list[tuple[int, int, int]], since_ms: int
) -> None:
    before = Energy(5, 6, 7, 8)
    watts, vars_, volts = (np.array([part, part]) for part in zip(*steps, strict=True))
    load = SteppedLoad(100, watts, vars_, volts, before)
    begin, total = 100 * 900.0, before
    for number, (power, reactive, voltage) in enumerate(steps):
        last = number == len(steps) - 1
        here_ms = max(0, since_ms - number * 900_000)
        phase = PhaseLoad(power, reactive, voltage)
        total += power_integral((phase, phase), here_ms if last else min(here_ms, 900_000))
        assert load.at(begin + number * 900 + 1) == (phase, phase)
        ahead = load.next_change(begin + number * 900)
        assert ahead == (None if last else begin + (number + 1) * 900)
    assert load.energy(begin + since_ms / 1000) == total
    assert load.energy(begin - 5) == before
    assert load.at(begin - 5)[0].active_w == 0
    assert load.next_change(begin - 5) == begin


def test_arrays_of_unequal_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="same phases"):
        SteppedLoad(0, np.zeros((3, 4), int), np.zeros((3, 4), int), np.zeros((1, 4), int))
