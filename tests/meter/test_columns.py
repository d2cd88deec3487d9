"""Rows worked out column by column are those worked out row by row, octet by octet; and whatever
happened to a meter, its rows are told one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.meter.columns import ROWS_MIN, ArrayLoad, integers, power_factors
from devices.meter.device import Meter
from devices.meter.identity import Identity
from devices.meter.load import ConstantLoad, DailyLoad, Energy, Load
from devices.meter.meter_type import MeterType
from devices.meter.models import model
from devices.meter.objects import table
from devices.meter.profile import Captured, captured
from devices.meter.profiles import designs
from devices.meter.registers import _factor
from devices.meter.stepped_load import SteppedLoad
from protocols.dlms import axdr
from protocols.dlms.values import Array, DoubleLong, EncodedValue, LongUnsigned, Structure
from tests.meter.asking import Asking

NOW = 1_783_332_450.0  # 2026-07-06 10:07:30 UTC
TYPES = {
    "city": model("city-three-phase"),
    "standard": MeterType(),
    "summer-time": replace(
        model("residential-three-phase"), phases=3, capture_period_s=3600, energy_scaler=1
    ),
    "one-phase": model("residential-single-phase"),
}
FLOWS = st.integers(-30_000, 30_000)


def stepped(steps: list[tuple[int, int]], phases: int) -> SteppedLoad:
    watts, var = (np.array([part] * phases) for part in zip(*steps, strict=True))
    volts = 2300 + np.arange(watts.size).reshape(watts.shape) % 90
    first = int(NOW // 900) - 200
    return SteppedLoad(first, watts, var, volts, Energy(2**32 * 3_600_000 - 7, 5, 6, 7))


def daily(units: list[int], phases: int) -> DailyLoad:
    return DailyLoad(tuple(units[:phases]), tuple(units[3 : 3 + phases]))


loads = st.one_of(
    st.lists(st.tuples(FLOWS, FLOWS), min_size=1, max_size=150).map(lambda s: (stepped, s)),
    st.lists(st.integers(-20, 20), min_size=6, max_size=6).map(lambda s: (daily, s)),
)


def load_profile(meter: Meter) -> Captured:
    design = next(designs(meter.type))
    return captured(Asking(meter, NOW).context(), design, table(meter.type))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(TYPES)), loads, st.integers(0, 300), st.integers(ROWS_MIN, 400))
def test_columns_are_rows_octet_by_octet(name: str, made: tuple, first: int, count: int) -> None:  # type: ignore[type-arg]
    make, steps = made
    kind = TYPES[name]
    buffer = load_profile(Meter(Identity(1, 5), make(steps, kind.phases), kind))
    places = range(first, min(first + count, len(buffer)))
    columns = range(len(buffer.columns))
    at_once = buffer.array(places, columns)
    assert isinstance(at_once, EncodedValue)
    assert at_once.octets == axdr.encode(Array(buffer.rows(places, columns)))


def test_some_columns_of_the_newest_rows() -> None:
    meter = Meter(Identity(1, 5), daily([5, 6, 7, 1, 2, 3], 3), TYPES["city"])
    buffer = load_profile(meter)
    places, columns = range(len(buffer) - 96, len(buffer)), (0, 6, 9)
    found = buffer.array(places, columns)
    assert isinstance(found, EncodedValue)
    assert found.octets == axdr.encode(Array(buffer.rows(places, columns)))


class Plain:
    """A load that answers for one moment only."""

    def __init__(self, load: Load) -> None:
        self.at, self.energy, self.next_change = load.at, load.energy, load.next_change


def plain(meter: Meter) -> None:
    meter.metering.load = Plain(meter.metering.load)
    assert not isinstance(meter.metering.load, ArrayLoad)


DISTURBED = {
    "a load of single moments": plain,
    "a load replaced": lambda meter: meter.replace_load(ConstantLoad.of(1, 2, 3), now=NOW - 9e3),
    "the power gone for a while": lambda meter: (
        meter.power_off(now=NOW - 9e3),
        meter.power_on(now=NOW - 8e3),
    ),
    "the clock set": lambda meter: meter.set_clock(NOW - 9e3 + 40, now=NOW - 9e3),
    "a clock that drifts": lambda meter: meter.drift(50, now=NOW - 9e3),
    "dirty dates": lambda meter: meter.set_fault("invalid-dates", now=NOW - 9e3),
}


@pytest.mark.parametrize("disturb", DISTURBED.values(), ids=DISTURBED)
def test_a_disturbed_meter_tells_its_rows_one_by_one(disturb: object) -> None:
    meter = Meter(Identity(1, 5), daily([5, 6, 7, 1, 2, 3], 3), TYPES["city"])
    disturb(meter)  # type: ignore[operator]
    buffer = load_profile(meter)
    newest = range(len(buffer) - 50, len(buffer))
    found = buffer.array(newest, range(len(buffer.columns)))
    assert isinstance(found, Array)
    assert all(isinstance(row, Structure) for row in found)


def test_a_number_that_does_not_fit_is_refused_like_elsewhere() -> None:
    for kind, good, bad in ((LongUnsigned, [0, 65_535], [65_536]), (DoubleLong, [-1], [2**31])):
        column = integers(kind, lambda rows, good=good: np.array(good))  # type: ignore[misc]
        assert column(None).tobytes() == b"".join(axdr.encode(kind(each)) for each in good)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=kind.__name__):
            integers(kind, lambda rows, bad=bad: np.array(bad))(None)  # type: ignore[misc, arg-type]


@given(st.lists(st.tuples(st.integers(-90_000, 90_000), st.integers(-90_000, 90_000)), min_size=1))
def test_power_factors_are_those_of_one_moment(flows: list[tuple[int, int]]) -> None:
    watts, var = (np.array(part) for part in zip(*flows, strict=True))
    assert power_factors(watts, var).tolist() == [_factor(w, v) for w, v in flows]
