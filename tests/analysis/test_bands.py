"""Colours by configured bands, and the limits of others."""

from __future__ import annotations

import numpy as np
import pytest

from headend.analysis import bands
from headend.analysis.bands import COLOURS, Colour
from headend.analysis.quantity import QUANTITIES, Quantity
from headend.config import BadConfig, parse
from headend.config.analysis import AnalysisPolicy, Band, Bands

NAN = float("nan")
LIMITS = bands.Limits.of(Bands())


@pytest.mark.parametrize(
    ("quantity", "percent", "found"),
    [
        (Quantity.CURRENT, 5.0, Colour.GREEN),
        (Quantity.CURRENT, 5.0 + 1e-9, Colour.GREEN),  # finer than roll-ups are
        (Quantity.CURRENT, 5.001, Colour.YELLOW),
        (Quantity.ACTIVE_POWER, 10.0, Colour.YELLOW),
        (Quantity.REACTIVE_POWER, 10.001, Colour.RED),
        (Quantity.VOLTAGE, 1.0, Colour.GREEN),
        (Quantity.VOLTAGE, 2.0, Colour.YELLOW),
        (Quantity.VOLTAGE, 2.1, Colour.RED),
        (Quantity.VOLTAGE, NAN, Colour.UNKNOWN),
    ],
)
def test_colours(quantity: Quantity, percent: float, found: Colour) -> None:
    assert bands.colour(percent, bands.band_of(Bands(), quantity)) is found
    row = np.full((1, len(QUANTITIES)), percent)
    codes = bands.classified(row, np.full(row.shape, True), LIMITS)
    assert COLOURS[codes[0, QUANTITIES.index(quantity)]] is found


def test_what_is_known_too_little_of_is_not_judged() -> None:
    codes = bands.classified([[1.0, 1, 1, 0.1]], [[True, False, True, True]], LIMITS)
    assert [COLOURS[code] for code in codes[0]] == ["green", "unknown", "green", "green"]
    assert bands.colour(1.0, Bands().current, enough=False) is Colour.UNKNOWN


def test_counts_of_each_quantity() -> None:
    percent = [[1.0, 7, 20, NAN], [6.0, 7, 1, 0.5], [50.0, 1, 1, 3]]
    found = bands.counted(bands.classified(percent, np.full((3, 4), True), LIMITS))
    assert found[Quantity.CURRENT] == {"green": 1, "yellow": 1, "red": 1, "unknown": 0}
    assert found[Quantity.VOLTAGE] == {"green": 1, "yellow": 0, "red": 1, "unknown": 1}
    assert all(sum(each.values()) == 3 for each in found.values())


CONFIGURED = """
[analysis]
minimum_coverage = 0.5
[analysis.bands]
current = { green_to = 8, yellow_to = 16, floor = 2.0 }
[[analysis.levels]]
from_v = 13800
bands = { voltage = { green_to = 0.5, yellow_to = 1.5 } }
[[analysis.levels]]
from_v = 1000
bands = { current = { green_to = 3, yellow_to = 6 } }
"""


def test_bands_are_configured_by_quantity_and_voltage_level() -> None:
    policy = parse(CONFIGURED).analysis
    assert policy.minimum_coverage == 0.5
    assert policy.bands_at(None).current == Band(green_to=8, yellow_to=16, floor=2.0)
    assert policy.bands_at(400).current.green_to == 8
    assert policy.bands_at(1000).current.green_to == 3
    assert policy.bands_at(23_000).voltage.yellow_to == 1.5
    assert AnalysisPolicy().bands_at(23_000) == Bands()
    with pytest.raises(BadConfig, match=r"yellow_to 4.* is below green_to 8"):
        parse("[analysis.bands]\ncurrent = { green_to = 8, yellow_to = 4 }")


@pytest.mark.parametrize(
    ("nominal_v", "ratio", "percent"),
    [
        (400, 19.9, 5), (400, 20, 8), (400, 50, 12), (400, 100, 15), (400, 1000, 20),
        (1000, 10, 2.5), (23_000, 49, 4), (23_000, 99, 6), (23_000, 999, 7.5), (35_000, 5000, 10),
    ],
)  # fmt: skip
def test_limits_of_cfe_for_current(nominal_v: float, ratio: float, percent: float) -> None:
    assert bands.cfe_current_percent(nominal_v, ratio) == percent


def test_limits_of_cfe_for_voltage() -> None:
    assert [bands.cfe_voltage_percent(each) for each in (400, 999, 1000, 23_000)] == [3, 3, 2, 2]
    with pytest.raises(ValueError, match="the table ends at 35 kV, this is 115 kV"):
        bands.cfe_current_percent(115_000, 10)
