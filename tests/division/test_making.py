"""The division is its seed's, and what there is to find in it is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from devices.grid.field_grid import FieldGrid
from devices.meter.load import SLOT_S
from headend.clock import LoopClock
from headend.opcua.reach import Reach
from headend.opcua.space import Quality
from scenarios.division.making import (
    ALIKE,
    GREEN,
    RED,
    ZONE,
    Size,
    Stories,
    division,
    shares_of,
    sized,
    stories,
)
from scenarios.division.troubles import troubles_of
from scenarios.utility.field import field_of
from scenarios.utility.measuring import PHASES, QUANTITIES, FeederHeads
from scenarios.utility.model import Feeder, Utility
from scenarios.utility.naming import System, feeder_key, transformer_key
from scenarios.utility.repository import elements
from scenarios.utility.simoce import Simoce

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = int(NOW.timestamp()) // 86_400
SIZE = Size(zones=1, substations=1, feeders=8, transformers=1, meters=25)
MADE = division(7, NOW, SIZE)
HEADS = FeederHeads(MADE, {})
TOLD = stories(8)


def unbalance(feeder: Feeder, days: range) -> float:
    """Percent, of active power averaged first."""
    mean = np.concatenate([HEADS.day(feeder, day).watts for day in days]).mean(axis=0)
    return float(np.abs(mean - mean.mean()).max() / mean.mean() * 100)


def test_same_seed_same_division() -> None:
    assert division(7, NOW, SIZE) == MADE
    assert division(8, NOW, SIZE).meters != MADE.meters


def test_twenty_feeders_and_a_thousand_meters() -> None:
    assert sized(20, 1000) == Size()
    assert (Size().all_feeders, Size().all_meters) == (20, 1000)
    assert sized(3, 7) == Size(zones=1, substations=1, feeders=3, transformers=2, meters=1)


def test_customers_have_phases_and_a_few_have_three() -> None:
    phases = [meter.phases for meter in MADE.meters]
    assert {*phases} == {"A", "B", "C", "ABC"}
    assert phases.count("ABC") == SIZE.all_feeders * (SIZE.meters // 10)


@pytest.mark.parametrize("number", [2, 4, 5])
def test_some_feeders_are_balanced(number: int) -> None:
    feeder = MADE.feeders[number - 1]
    assert max(shares_of(feeder)) == pytest.approx((1 + GREEN) / 3)
    assert unbalance(feeder, range(TODAY - 28, TODAY)) < 5


@pytest.mark.parametrize("number", [3, 8])
def test_some_are_far_from_it(number: int) -> None:
    feeder = MADE.feeders[number - 1]
    assert max(shares_of(feeder)) == pytest.approx((1 + RED) / 3)
    assert unbalance(feeder, range(TODAY - 28, TODAY)) > 10


def test_one_has_become_worse() -> None:
    feeder = MADE.feeders[TOLD.worse - 1]
    before, after = range(TODAY - 6, TODAY - 2), range(TODAY - 1, TODAY + 1)
    assert unbalance(feeder, after) > unbalance(feeder, before) + 8


def test_one_cannot_be_matched_by_name_or_repository() -> None:
    feeder = MADE.feeders[TOLD.unmatched - 1]
    assert f"_{feeder.bay}_" not in feeder_key(System.SIMOCE, feeder)
    mapped = {name for each in elements(MADE) for name in each.names}
    assert (System.SIAD, "CFE_Circuit", feeder_key(System.SIAD, feeder)) not in mapped
    known = [each for each in MADE.feeders if not each.new]
    assert len(known) == len(MADE.feeders) - 1
    assert TOLD == Stories(worse=7, silent=8, unmatched=8, renamed=6, high=8)


async def test_the_historian_heard_little_of_one() -> None:
    clock = LoopClock(NOW)
    space = Simoce(MADE, HEADS, clock)
    shares = {}
    for number in (TOLD.silent, 1):
        feeder = MADE.feeders[number - 1]
        node = (await space.nodes([f"{feeder_key(System.SIMOCE, feeder)}/Corriente_A"])).popitem()
        begin = datetime(2026, 11, 20, tzinfo=ZONE)
        reach = Reach(begin, begin.replace(day=21))
        found = await space.history(node[1], reach, 1000)
        shares[number] = sum(each.quality is not Quality.BAD for each in found) / len(found)
    assert shares[1] > 0.95
    assert 0.2 < shares[TOLD.silent] < 0.5


@pytest.mark.parametrize("number", [1, 4])
def test_a_feeder_carries_what_its_transformers_give(number: int) -> None:
    """By phase, as many times as there are transformers alike."""
    feeder = MADE.feeders[number - 1]
    grid = FieldGrid(MADE.seed, field_of(MADE))
    below = [transformer_key(each) for each in MADE.transformers if each.feeder.number == number]
    moment = int(NOW.timestamp()) // SLOT_S * SLOT_S
    for place, phase in enumerate(PHASES):
        found = [grid.head(name).at(moment)[place] for name in below]
        watts = ALIKE * sum(each.active_w for each in found)
        vars_ = ALIKE * sum(each.reactive_var for each in found)
        volts = np.mean([each.voltage_dv for each in found]) / 2300
        volts *= feeder.substation.kilovolts * 1000 / np.sqrt(3)
        told = {
            each.measurement: HEADS.at(feeder, each, moment)
            for each in QUANTITIES
            if each.phases == phase
        }
        assert told["ActivePower"] == pytest.approx(watts / 1000, abs=0.001)
        assert told["LineCurrent"] == pytest.approx(np.hypot(watts, vars_) / volts, abs=0.02)


def test_a_transfer_moves_power_and_loses_none() -> None:
    feeder = MADE.feeders[TOLD.worse - 1]
    plain = FeederHeads(replace(MADE, oddities=replace(MADE.oddities, transfers=())), {})
    with_it, without = HEADS.day(feeder, TODAY - 1), plain.day(feeder, TODAY - 1)
    assert (with_it.watts.sum(axis=1) == without.watts.sum(axis=1)).all()
    assert (with_it.watts[:, 0] > without.watts[:, 0]).any()


def test_what_is_wrong_concerns_different_devices() -> None:
    troubles = troubles_of(MADE)
    assert len(troubles.unreachable) == 3 and len(troubles.mute) == 1
    wrong = [*troubles.unreachable, *troubles.mute, *troubles.dark]
    assert len({*wrong}) == len(wrong)
    behind = {_concentrator(MADE, each) for each in wrong}
    assert troubles.silent not in behind


def _concentrator(utility: Utility, meter: str) -> str:
    return next(
        each.transformer.concentrator for each in utility.meters if str(each.index) == meter
    )
